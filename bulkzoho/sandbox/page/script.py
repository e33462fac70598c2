"""The page's script: once a second it asks the control addresses what there is to show.  Text never becomes markup."""

from __future__ import annotations

__all__ = ["SCRIPT"]

SCRIPT = r"""
"use strict";
const at = (id) => document.getElementById(id);
const ask = async (path, body) => {
  const made = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const got = await fetch("/__sandbox/" + path, made);
  const text = await got.text();
  if (!got.ok) throw new Error(text);
  return text;
};
const lines = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
const element = (name, text, kind) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};
const row = (...cells) => {
  const made = element("tr");
  made.append(...cells);
  return made;
};
const cell = (text, kind) => element("td", text ?? "", kind);

const shown = (number) => number.toLocaleString("en");
const nothing = (text, columns) => {
  const made = cell(text, "none");
  made.colSpan = columns;
  return [row(made)];
};

function card(name, used, limit) {
  const made = element("div", undefined, "card");
  made.append(element("span", name), element("b", limit === null ? shown(used) : `${shown(used)} of ${shown(limit)}`));
  const bar = element("div", undefined, "bar");
  const filled = element("i", undefined, limit !== null && used >= limit ? "full" : "");
  filled.style.width = Math.min(100, (100 * used) / (limit ?? Infinity)) + "%";
  bar.style.visibility = limit === null ? "hidden" : "visible";  // it keeps its room, so that figures stand in a line
  bar.append(filled);
  made.append(bar);
  return made;
}

function showMinute(bySecond, limit) {
  const most = Math.max(5, (limit ?? 0) / 50, ...bySecond);
  const bars = bySecond.map((calls, second) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (110 * calls) / most;
    for (const [name, value] of Object.entries({ x: second * 10 + 1, y: 120 - height, width: 8, height })) {
      bar.setAttribute(name, value);
    }
    return bar;
  });
  if (limit !== null) {
    const even = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const y = 120 - (110 * limit) / 60 / most;
    for (const [name, value] of Object.entries({ x1: 0, x2: 600, y1: y, y2: y })) even.setAttribute(name, value);
    bars.push(even);
  }
  at("minute").replaceChildren(...bars);
  at("even").textContent = !bySecond.some(Boolean) ? "No call in the last minute."
    : limit === null ? "" : `The line is the limit of ${shown(limit)} a minute, spread evenly.`;
}

function showState(state) {
  const org = state.organization;
  at("org").textContent = `${org.name}, ${org.edition}, ${org.licences} licences`;
  at("clock").textContent = state.clock.now.replace("T", " ")
    + (state.clock.scale === 1 ? "" : `, ${state.clock.scale} times as fast`);
  showMinute(state.arrivals.by_second, state.limits.calls_per_minute);
  const inMinute = state.arrivals.by_second.reduce((sum, each) => sum + each, 0);
  at("quotas").replaceChildren(
    card("Calls in the last minute", inMinute, state.limits.calls_per_minute),
    card("Calls in the last 24 hours", state.last_day.calls, state.limits.calls_per_day),
    card("Credits in the last 24 hours", state.credits.limit - state.credits.left, state.credits.limit),
    card("Calls in flight", state.in_flight.now, state.limits.calls_in_flight),
    card("Heavy calls in flight", state.in_flight.heavy_now, state.limits.heavy_calls),
    card("Calls in all", state.calls.total, null),
  );
  const modules = at("module");
  if (!modules.options.length) {
    for (const name of Object.keys(state.records)) modules.append(new Option(name, name));
  }
  for (const option of modules.options) option.textContent = `${option.value} (${shown(state.records[option.value])})`;
  const seen = Object.entries(state.violations.by_kind);
  const rows = seen.map(([kind, times]) => row(cell(kind.replaceAll("_", " "), "bad"), cell(times, "n")));
  at("violations").tBodies[0].replaceChildren(...(rows.length ? rows : [row(cell("none", "good"), cell(""))]));
}

function showCalls(calls) {
  const rows = calls.reverse().map((call) => {
    const status = call.status === null ? (call.replied_s === null ? "running" : "cut") : call.status;
    const took = call.replied_s === null ? "" : Math.round((call.replied_s - call.arrived_s) * 1000) + " ms";
    const bad = call.status === null ? call.replied_s !== null : call.status >= 400;
    return row(cell(call.number, "n"), cell(`${call.method} ${call.path}`), cell(call.operation), cell(call.records || "", "n"),
      cell(status, bad ? "bad" : "good"), cell(took, "n"), cell(call.fault, "bad"));
  });
  at("calls").tBodies[0].replaceChildren(...(rows.length ? rows
    : nothing("No calls yet: paste the export lines that the sandbox printed into a shell, and run bulkzoho there.", 7)));
}

function showRecords(records) {
  const names = [...new Set(records.flatMap((each) => Object.keys(each)))].filter((name) => name !== "Modified_Time").slice(0, 8);
  const table = at("records");
  table.tHead.replaceChildren(row(...names.map((name) => element("th", name))));
  const rows = records.map((record) => row(...names.map((name) => {
    const value = name === "Created_Time" ? record[name].slice(0, 19).replace("T", " ") : record[name];
    return cell(value && typeof value === "object" ? value.name ?? (Array.isArray(value) ? value.join("; ") : value.id) : value);
  })));
  const word = at("search").value;
  table.tBodies[0].replaceChildren(...(rows.length ? rows
    : nothing(word ? `No record holds \u201c${word}\u201d.` : `No ${at("module").value} yet.`, 1)));
  at("found").textContent = records.length === 50 ? "the newest 50" : `${records.length} shown`;
}

async function look() {
  try {
    showState(JSON.parse(await ask("state")));
    showCalls(lines(await ask(`calls?last=25`)));
    const name = at("module").value;
    const word = encodeURIComponent(at("search").value);
    showRecords(lines(await ask(`records/${name}?newest=50&search=${word}`)));
    at("link").textContent = "";
  } catch (error) {
    at("link").textContent = "the sandbox does not answer";
    at("link").className = "bad";
  }
}
const watch = () => look().finally(() => setTimeout(watch, 1000));

at("search").addEventListener("input", look);
at("module").addEventListener("change", look);
document.addEventListener("click", async (event) => {
  const { fault, post, body } = event.target.dataset;
  if (!fault && !post) return;
  try {
    await ask(post ?? "faults", fault ? { script: [JSON.parse(fault)] } : JSON.parse(body ?? "{}"));
    at("said").textContent = event.target.textContent + ": done";
  } catch (error) {
    at("said").textContent = String(error.message);
  }
  look();
});
watch();
"""
