"""Script of the page: polls the control API every second.  Data is inserted as text, never as markup."""

from __future__ import annotations

__all__ = ["SCRIPT"]

SCRIPT = r"""
"use strict";
const byId = (id) => document.getElementById(id);
const call = async (path, body) => {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch("/__sandbox/" + path, options);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
};
const parseLines = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
const element = (name, text, kind) => {
  const created = document.createElement(name);
  if (text !== undefined) created.textContent = text;
  if (kind) created.className = kind;
  return created;
};
const row = (...cells) => {
  const created = element("tr");
  created.append(...cells);
  return created;
};
const cell = (text, kind) => element("td", text ?? "", kind);

const formatNumber = (number) => number.toLocaleString("en");
const emptyRow = (text, columns) => {
  const only = cell(text, "none");
  only.colSpan = columns;
  return [row(only)];
};

function card(name, used, limit) {
  const box = element("div", undefined, "card");
  const figure = limit === null ? formatNumber(used) : `${formatNumber(used)} of ${formatNumber(limit)}`;
  box.append(element("span", name), element("b", figure));
  const bar = element("div", undefined, "bar");
  const filled = element("i", undefined, limit !== null && used >= limit ? "full" : "");
  filled.style.width = Math.min(100, (100 * used) / (limit ?? Infinity)) + "%";
  bar.style.visibility = limit === null ? "hidden" : "visible";  // keep the space so that the figures line up
  bar.append(filled);
  box.append(bar);
  return box;
}

function showMinute(bySecond, limit) {
  const highest = Math.max(5, (limit ?? 0) / 50, ...bySecond);
  const bars = bySecond.map((calls, second) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (110 * calls) / highest;
    for (const [name, value] of Object.entries({ x: second * 10 + 1, y: 120 - height, width: 8, height })) {
      bar.setAttribute(name, value);
    }
    return bar;
  });
  if (limit !== null) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const y = 120 - (110 * limit) / 60 / highest;
    for (const [name, value] of Object.entries({ x1: 0, x2: 600, y1: y, y2: y })) line.setAttribute(name, value);
    bars.push(line);
  }
  byId("minute").replaceChildren(...bars);
  byId("limit-note").textContent = !bySecond.some(Boolean) ? "No calls in the last minute."
    : limit === null ? "" : `Dashed line: the limit of ${formatNumber(limit)} calls per minute, spread evenly.`;
}

function showState(state) {
  const org = state.organization;
  byId("org").textContent = `${org.name}, ${org.edition}, ${org.licences} licences`;
  byId("clock").textContent = state.clock.now.replace("T", " ")
    + (state.clock.scale === 1 ? "" : `, ${state.clock.scale} times real time`);
  showMinute(state.arrivals.by_second, state.limits.calls_per_minute);
  const inMinute = state.arrivals.by_second.reduce((sum, each) => sum + each, 0);
  byId("quotas").replaceChildren(
    card("Calls in the last minute", inMinute, state.limits.calls_per_minute),
    card("Calls in the last 24 hours", state.last_day.calls, state.limits.calls_per_day),
    card("Credits in the last 24 hours", state.credits.limit - state.credits.left, state.credits.limit),
    card("Calls in flight", state.in_flight.now, state.limits.calls_in_flight),
    card("Heavy calls in flight", state.in_flight.heavy_now, state.limits.heavy_calls),
    card("Total calls", state.calls.total, null),
  );
  const modules = byId("module");
  if (!modules.options.length) {
    for (const name of Object.keys(state.records)) modules.append(new Option(name, name));
  }
  for (const option of modules.options) option.textContent = `${option.value} (${formatNumber(state.records[option.value])})`;
  const violations = Object.entries(state.violations.by_kind);
  const rows = violations.map(([kind, times]) => row(cell(kind.replaceAll("_", " "), "bad"), cell(times, "n")));
  byId("violations").tBodies[0].replaceChildren(...(rows.length ? rows : [row(cell("none", "good"), cell(""))]));
}

function showCalls(calls) {
  const rows = calls.reverse().map((call) => {
    const status = call.status === null ? (call.replied_s === null ? "running" : "cut") : call.status;
    const took = call.replied_s === null ? "" : Math.round((call.replied_s - call.arrived_s) * 1000) + " ms";
    const bad = call.status === null ? call.replied_s !== null : call.status >= 400;
    return row(cell(call.number, "n"), cell(`${call.method} ${call.path}`), cell(call.operation), cell(call.records || "", "n"),
      cell(status, bad ? "bad" : "good"), cell(took, "n"), cell(call.fault, "bad"));
  });
  byId("calls").tBodies[0].replaceChildren(...(rows.length ? rows
    : emptyRow("No calls yet. Paste the export lines of the sandbox into a shell, then run bulkzoho there.", 7)));
}

function showRecords(records) {
  const names = [...new Set(records.flatMap((each) => Object.keys(each)))].filter((name) => name !== "Modified_Time").slice(0, 8);
  const table = byId("records");
  table.tHead.replaceChildren(row(...names.map((name) => element("th", name))));
  const rows = records.map((record) => row(...names.map((name) => {
    const value = name === "Created_Time" ? record[name].slice(0, 19).replace("T", " ") : record[name];
    return cell(value && typeof value === "object" ? value.name ?? (Array.isArray(value) ? value.join("; ") : value.id) : value);
  })));
  const word = byId("search").value;
  table.tBodies[0].replaceChildren(...(rows.length ? rows
    : emptyRow(word ? `No record contains \u201c${word}\u201d.` : `No records in ${byId("module").value}.`, 1)));
  byId("found").textContent = records.length === 50 ? "newest 50" : `${records.length} shown`;
}

async function refresh() {
  try {
    showState(JSON.parse(await call("state")));
    showCalls(parseLines(await call(`calls?last=25`)));
    const name = byId("module").value;
    const word = encodeURIComponent(byId("search").value);
    showRecords(parseLines(await call(`records/${name}?newest=50&search=${word}`)));
    byId("link").textContent = "";
  } catch (error) {
    byId("link").textContent = "sandbox unreachable";
    byId("link").className = "bad";
  }
}
const poll = () => refresh().finally(() => setTimeout(poll, 1000));

byId("search").addEventListener("input", refresh);
byId("module").addEventListener("change", refresh);
document.addEventListener("click", async (event) => {
  const { fault, post, body } = event.target.dataset;
  if (!fault && !post) return;
  try {
    await call(post ?? "faults", fault ? { script: [JSON.parse(fault)] } : JSON.parse(body ?? "{}"));
    byId("message").textContent = event.target.textContent + ": done";
  } catch (error) {
    byId("message").textContent = String(error.message);
  }
  refresh();
});
poll();
"""
