// Use Zoho's Node SDK with the CRM in the environment; print one JSON object.
// Arguments: the folder of the installed SDK, a scratch folder, and a zip with two rows for the bulk write.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import process from "node:process";

const [installed, folder, archive] = process.argv.slice(2);
const sdk = await import(pathToFileURL(createRequire(installed + "/").resolve("@zohocrm/nodejs-sdk-8.0")));
const { Record, Coql, BulkRead, BulkWrite, Org, Users, Modules, Fields, Choice, HeaderMap, ParameterMap } = sdk;
const variables = process.env;

async function initialize() {
  const accounts = variables.BULKZOHO_ACCOUNTS_URL + "/oauth/v2/token";
  const environment = sdk.DataCenter.setEnvironment(variables.BULKZOHO_API_URL, accounts, variables.BULKZOHO_UPLOAD_URL);
  const token = new sdk.OAuthBuilder()
    .clientId(variables.BULKZOHO_CLIENT_ID)
    .clientSecret(variables.BULKZOHO_CLIENT_SECRET)
    .refreshToken(variables.BULKZOHO_REFRESH_TOKEN)
    .build();
  await (await new sdk.InitializeBuilder())
    .environment(environment)
    .token(token)
    .store(new sdk.FileStore(folder + "/tokens"))
    .SDKConfig(new sdk.SDKConfigBuilder().pickListValidation(true).autoRefreshFields(true).build())
    .resourcePath(folder)
    .logger(new sdk.LogBuilder().level(sdk.Levels.INFO).filePath(folder + "/log").build())
    .initialize();
}

function makeRecord(values, id = null) {
  const record = new Record.Record();
  if (id !== null) record.setId(BigInt(id));
  for (const [name, value] of Object.entries(values)) record.addKeyValue(name, value);
  return record;
}

function body(records, keys = null) {
  const wrapped = new Record.BodyWrapper();
  wrapped.setData(records);
  wrapped.setTrigger([]);
  if (keys !== null) wrapped.setDuplicateCheckFields(keys);
  return wrapped;
}

function writeResults(answer) {
  const results = answer.getObject().getData();
  return {
    status: answer.getStatusCode(),
    kinds: results.map((each) => each.constructor.name),
    codes: results.map((each) => each.getCode().getValue()),
    ids: results.map((each) => String(each.getDetails()?.get("id") ?? "")),
  };
}

async function parameters(owner, given) {
  const map = new ParameterMap();
  for (const [name, value] of given) await map.add(owner[name], value);
  return map;
}

const leads = new Record.RecordOperations("Leads");
const headers = () => new HeaderMap();

async function writeRecords() {
  const first = { Last_Name: "Okafor", External_Id: "n1", Score: 1.5, Email: "n1@example.com", Email_Opt_Out: true };
  const others = [0, 1, 2, 3].map((each) => makeRecord({ Last_Name: "N" + each }));
  const created = writeResults(await leads.createRecords(body([makeRecord(first), ...others]), headers()));
  const leadId = created.ids[0];
  const accounts = new Record.RecordOperations("Accounts");
  const account = writeResults(await accounts.createRecords(body([makeRecord({ Account_Name: "Acme" })]), headers()));
  const linked = makeRecord({ Last_Name: "Vik", Account_Name: makeRecord({}, account.ids[0]) });
  const again = [makeRecord({ ...first, City: "Rom" }), makeRecord({ Last_Name: "New", External_Id: "n2" })];
  return {
    created,
    mixed: writeResults(await leads.createRecords(body([makeRecord(first), makeRecord({ Last_Name: "X" })]), headers())),
    updated: writeResults(await leads.updateRecords(body([makeRecord({ City: "Oslo" }, leadId)]), headers())),
    updated_one: writeResults(await leads.updateRecord(BigInt(leadId), body([makeRecord({ State: "Østland" })]), headers())),
    upserted: writeResults(await leads.upsertRecords(body(again, ["External_Id"]), headers())),
    linked: writeResults(await new Record.RecordOperations("Contacts").createRecords(body([linked]), headers())),
  };
}

async function query(text) {
  const request = new Coql.BodyWrapper();
  request.setSelectQuery(text);
  return (await new Coql.CoqlOperations().getRecords(request)).getObject();
}

async function readRecords(leadId) {
  const got = (await leads.getRecord(BigInt(leadId), new ParameterMap(), headers())).getObject().getData()[0];
  const names = [];
  let pages = 0;
  let token = null;
  do {
    const given = [["FIELDS", "Last_Name,City"], ["PER_PAGE", 2]];
    if (token) given.push(["PAGE_TOKEN", token]);
    const page = (await leads.getRecords(await parameters(Record.GetRecordsParam, given), headers())).getObject();
    names.push(...page.getData().map((each) => each.getKeyValue("Last_Name")));
    token = page.getInfo().getNextPageToken();
    pages += 1;
  } while (token);
  const criteria = await parameters(Record.SearchRecordsParam, [["CRITERIA", "(External_Id:equals:n1)"]]);
  const found = (await leads.searchRecords(criteria, headers())).getObject();
  const rows = await query("select Last_Name, City from Leads where External_Id = 'n1' limit 2");
  const refused = await query("select Nope from Leads where id is not null");
  const nothing = await leads.getRecord(1n, new ParameterMap(), headers());
  const shown = ["Last_Name", "Score", "City", "State", "Email_Opt_Out"];
  return {
    one: Object.fromEntries(shown.map((name) => [name, got.getKeyValue(name)])),
    owner: got.getKeyValue("Owner").getName(),
    pages,
    names,
    found: found.getData().map((each) => each.getKeyValue("Last_Name")),
    count: Number((await leads.recordCount(new ParameterMap())).getObject().getCount()),
    coql: rows.getData().map((each) => [each.getKeyValue("Last_Name"), each.getKeyValue("City")]),
    coql_refused: [refused.constructor.name, refused.getCode().getValue()],
    nothing: nothing.getStatusCode(),
  };
}

async function deleteRecords(ids) {
  const chosen = await parameters(Record.DeleteRecordsParam, [["IDS", ids.join(",")]]);
  const deleted = writeResults(await leads.deleteRecords(chosen, headers()));
  const removed = (await leads.getDeletedRecords(new ParameterMap(), headers())).getObject().getData();
  return { deleted, removed: removed.map((each) => String(each.getId())) };
}

async function waitForJob(details) {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const job = await details();
    const state = job.getState ? job.getState() : job.getStatus();
    if (["COMPLETED", "FAILURE", "FAILED"].includes(state.getValue ? state.getValue() : state)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the job did not end");
}

function leadsModule() {
  const module = new Modules.MinifiedModule();
  module.setAPIName("Leads");
  return module;
}

async function downloadAsBase64(answer) {
  const stream = (await answer.getObject()).getFile().getStream();
  if (Buffer.isBuffer(stream)) return stream.toString("base64");
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("base64");
}

async function exportLeads() {
  const operations = new BulkRead.BulkReadOperations();
  const field = new Fields.MinifiedField();
  field.setAPIName("City");
  const criteria = new BulkRead.Criteria();
  criteria.setField(field);
  criteria.setComparator(new Choice("equal"));
  criteria.setValue("Rom");
  const request = new BulkRead.Query();
  request.setModule(leadsModule());
  request.setFields(["Last_Name", "City"]);
  request.setCriteria(criteria);
  const wrapped = new BulkRead.BodyWrapper();
  wrapped.setQuery(request);
  const created = await operations.createBulkReadJob(wrapped);
  const [result] = created.getObject().getData();
  const id = BigInt(result.getDetails().get("id"));
  const job = await waitForJob(async () => (await operations.getBulkReadJobDetails(id)).getObject().getData()[0]);
  return {
    status: created.getStatusCode(),
    code: result.getCode().getValue(),
    state: job.getState().getValue(),
    count: job.getResult().getCount(),
    zip: await downloadAsBase64(await operations.downloadResult(id)),
  };
}

function jobRequest(fileId) {
  const mappings = ["External_Id", "Last_Name"].map((name, index) => {
    const mapping = new BulkWrite.FieldMapping();
    mapping.setAPIName(name);
    mapping.setIndex(index);
    return mapping;
  });
  const resource = new BulkWrite.Resource();
  resource.setType(new Choice("data"));
  resource.setModule(leadsModule());
  resource.setFileId(fileId);
  resource.setFileNames(["leads.csv"]);
  resource.setFindBy("External_Id");
  resource.setFieldMappings(mappings);
  const request = new BulkWrite.RequestWrapper();
  request.setOperation(new Choice("upsert"));
  request.setCharacterEncoding("UTF-8");
  request.setResource([resource]);
  return request;
}

async function load() {
  const organization = (await new Org.OrgOperations().getOrganization()).getObject().getOrg()[0];
  const file = new BulkWrite.FileBodyWrapper();
  file.setFile(new sdk.StreamWrapper(null, null, archive));
  const map = headers();
  await map.add(BulkWrite.UploadFileHeader.FEATURE, "bulk-write");
  await map.add(BulkWrite.UploadFileHeader.X_CRM_ORG, organization.getZgid());
  const operations = new BulkWrite.BulkWriteOperations();
  const uploaded = (await operations.uploadFile(file, map)).getObject();
  const request = jobRequest(String(uploaded.getDetails().get("file_id")));
  const created = (await operations.createBulkWriteJob(request)).getObject();
  const id = String(created.getDetails().get("id"));
  const job = await waitForJob(async () => (await operations.getBulkWriteJobDetails(id)).getObject());
  const counts = job.getResource()[0].getFile();
  return {
    uploaded: uploaded.getCode().getValue(),
    created: created.getCode().getValue(),
    counts: [counts.getAddedCount(), counts.getUpdatedCount(), counts.getSkippedCount(), counts.getTotalCount()],
    zip: await downloadAsBase64(await operations.downloadBulkWriteResult(job.getResult().getDownloadUrl())),
  };
}

await initialize();
const written = await writeRecords();
const everyone = (await new Users.UsersOperations().getUsers(new ParameterMap(), headers())).getObject();
const all = {
  user: everyone.getUsers()[0].getFullName(),
  written,
  read: await readRecords(written.created.ids[0]),
  exported: await exportLeads(),
  loaded: await load(),
  deleted: await deleteRecords([written.created.ids[1], "1"]),
};
process.stdout.write(JSON.stringify(all, (_key, value) => (typeof value === "bigint" ? String(value) : value)));
process.exit(0);
