import { $, $$, clock, duration, el, rate, watch } from "./page.js";

const states = { ready: "good", done: "good", starting: "warn", waiting: "warn", stopped: "bad", failed: "bad", degraded: "bad", restarting: "bad" };

// stateOf is a service's: that of its worst instance, sidecars included.
function stateOf(service, components) {
  const mine = components.filter((c) => c.name === service || c.name.startsWith(service + "."));
  return mine.map((c) => c.state).sort((a, b) => rank(b) - rank(a))[0] ?? "";
}

function rank(state) { return { good: 0, warn: 1 }[states[state]] ?? 2; }

function sum(edges) {
  const total = { rate: 0, refused: 0, failed: 0, p50: 0, p99: 0 };
  for (const e of edges) {
    total.rate += e.rate;
    total.refused += e.refused;
    total.failed += e.failed;
    total.p50 += e.p50_seconds * e.rate;
    total.p99 = Math.max(total.p99, e.p99_seconds);
  }
  if (total.rate > 0) total.p50 /= total.rate;
  return total;
}

function showServices(m) {
  for (const g of $$("[data-service]")) {
    const state = stateOf(g.dataset.service, m.status.components);
    if (!state) continue;
    const text = $(".state", g);
    if (text.textContent !== state) text.textContent = state;
    for (const name of ["good", "warn", "bad"]) g.classList.toggle(name, states[state] === name);
  }
}

function showEdges(m) {
  const of = (d) => m.edges.filter((e) => e.caller === d.caller && e.callee === d.callee);
  for (const d of $$("details.edge")) {
    const mine = of(d.dataset), t = sum(mine);
    $(".rate", d).textContent = rate(t.rate);
    $(".p50", d).textContent = t.rate ? `p50 ${duration(t.p50)}` : "–";
    $(".p99", d).textContent = t.rate ? `p99 ${duration(t.p99)}` : "–";
    const bad = t.refused + t.failed;
    $(".refused", d).textContent = t.failed ? `${rate(t.failed)} failed` : bad ? `${rate(bad)} refused` : "none refused";
    $(".refused", d).classList.toggle("bad", bad > 0);
    for (const li of $$("li[data-route]", d)) {
      const r = mine.find((e) => e.route === li.dataset.route);
      $(".rate", li).textContent = r ? rate(r.rate) : "";
    }
  }
  for (const a of $$("svg a")) {
    const t = sum(of(a.dataset));
    a.classList.toggle("busy", t.rate > 0);
    a.classList.toggle("refusing", t.refused + t.failed > 0);
    $("text", a).textContent = t.rate ? rate(t.rate) : "";
  }
}

const most = 30;

function showRefusals(m) {
  if (m.refusals.length === 0) return;
  const list = $("#refusals");
  $(".none", list)?.remove();
  for (const r of m.refusals) {
    list.prepend(el("li", {}, el("time", { datetime: r.time }, clock(r.time)), " ",
      el("strong", {}, r.control || "refused"), ` at ${r.service}${r.caller ? ` for ${r.caller}` : ""}: ${r.reason}`));
  }
  while (list.children.length > most) list.lastElementChild.remove();
}

// A connection that was chosen on the map opens in the list.
function openTarget() {
  const d = location.hash && document.getElementById(location.hash.slice(1));
  if (d) {
    d.open = true;
    $("summary", d).focus();
  }
}

addEventListener("hashchange", openTarget);
openTarget();
watch((m) => { showServices(m); showEdges(m); showRefusals(m); });
