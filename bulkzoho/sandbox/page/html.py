"""HTML and CSS of the page at ``/``.  One self-contained file; the script fills in the data."""

from __future__ import annotations

from bulkzoho.sandbox.page.script import SCRIPT

__all__ = ["PAGE"]

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --blue: #2f6fd6; --red: #b3261e; --green: #1b7a3a; }
@media (prefers-color-scheme: dark) { :root { --blue: #6ea8fe; --red: #ff8a80; --green: #7ddc9a; } }
* { box-sizing: border-box; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1180px; padding: 16px 20px 40px; }
h1 { font-size: 20px; margin: 0; }
h2 { font-size: 14px; margin: 26px 0 8px; text-transform: uppercase; letter-spacing: .05em; opacity: .7; }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; }
header span { opacity: .75; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 10px; }
.card { display: flex; flex-direction: column; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; background: var(--soft); }
.card b { margin-top: auto; font-size: 20px; font-variant-numeric: tabular-nums; }
.bar { height: 6px; border-radius: 3px; background: var(--line); margin-top: 6px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--blue); }
.bar i.full { background: var(--red); }
svg { width: 100%; height: 120px; display: block; border: 1px solid var(--line); border-radius: 8px; background: var(--soft); }
rect { fill: var(--blue); }
line { stroke: var(--red); stroke-dasharray: 6 4; vector-effect: non-scaling-stroke; }
#limit-note { opacity: .75; margin: 4px 0 0; }
table { border-collapse: collapse; width: 100%; }
.wide { overflow-x: auto; }
th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
td { max-width: 340px; overflow-wrap: break-word; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.none { opacity: .75; }
.bad { color: var(--red); font-weight: 600; }
.good { color: var(--green); }
button, select, input { font: inherit; padding: 5px 10px; border: 1px solid var(--line); border-radius: 6px; }
button { cursor: pointer; background: var(--soft); color: inherit; }
button:hover { border-color: var(--blue); }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 1px; }
.row + .wide { margin-top: 10px; }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
#message { min-height: 1.5em; margin: 6px 0 0; opacity: .8; }
"""

_BODY = """
<header><h1>Zoho CRM sandbox</h1><span id="org"></span><span id="clock"></span><span id="link" class="good"></span></header>

<h2>Calls in the last minute</h2>
<svg id="minute" viewBox="0 0 600 120" preserveAspectRatio="none" role="img" aria-label="calls per second, last minute"></svg>
<p id="limit-note"></p>
<h2>Quotas</h2>
<div class="cards" id="quotas"></div>

<h2>Inject faults</h2>
<div class="row">
  <button data-fault='{"kind":"429"}'>429 on next write</button>
  <button data-fault='{"kind":"500"}'>500 on next write</button>
  <button data-fault='{"kind":"502_page"}'>502 HTML page on next write</button>
  <button data-fault='{"kind":"reset_before_commit"}'>Reset before next commit</button>
  <button data-fault='{"kind":"reset_after_commit"}'>Reset after next commit</button>
  <button data-fault='{"kind":"hang","seconds":30}'>Next write hangs 30 s</button>
  <button data-fault='{"kind":"job_failure"}'>Next bulk job fails</button>
  <button data-post="revoke">Revoke access tokens</button>
  <button data-post="settings" data-body='{"latency_s":0.5}'>Set latency to 0.5 s</button>
  <button data-post="settings" data-body='{"latency_s":0}'>Remove latency</button>
  <button data-post="clock" data-body='{"advance_s":3600}'>Advance clock by 1 h</button>
  <button data-post="faults" data-body='{}'>Clear faults</button>
</div>
<p id="message" role="status"></p>

<h2>Records</h2>
<div class="row"><select id="module" aria-label="module"></select>
<input id="search" type="search" placeholder="search all fields" aria-label="search"><span id="found"></span></div>
<div class="wide"><table id="records"><thead></thead><tbody></tbody></table></div>

<h2>Recent calls</h2>
<div class="wide"><table id="calls"><thead><tr><th class="n">#</th><th>Call</th><th>Operation</th><th class="n">Records</th>
<th>Status</th><th class="n">Time</th><th>Fault</th></tr></thead><tbody></tbody></table></div>

<h2>Violations</h2>
<table id="violations"><thead><tr><th>Client rule broken</th><th class="n">Count</th></tr></thead>
<tbody></tbody></table>
"""

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Zoho CRM sandbox</title>'
    '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    f"<style>{_STYLE}</style></head><body>{_BODY}<script>{SCRIPT}</script></body></html>"
).encode()
