import { $, button, clock, el, fill, get, order, problem, said, table, watch } from "./page.js";

const hex = (text) => (/^[0-9a-f]{32}$/.test(text) ? text.slice(0, 12) : text);

function about(s) {
  if (s.caller && s.reporter && s.caller !== s.reporter) return `${s.caller} → ${s.reporter}`;
  if (s.caller) return s.caller;
  if (s.principal) return `user ${s.principal.slice(0, 8)}`;
  return s.api_key ? `API key ${s.api_key}` : s.address || (s.claimed ? `who says to be ${s.claimed}` : s.reporter);
}

const bad = (level) => (["high", "critical"].includes(level) ? "bad" : null);
const level = (l) => el("span", { class: bad(l) }, l);

async function act(verb, r) {
  said(await order(verb, { id: r.id }), `${r.action} ${hex(r.target)}: ${verb === "undo" ? "undone" : "done"}`);
  await show();
}

function responses(all) {
  return table("Responses", [
    ["Response", (r) => [el("span", {}, `${r.action} ${hex(r.target)}`), el("small", {}, r.id)]],
    ["State", (r) => r.state],
    ["By", (r) => r.by],
    ["Until", (r) => (r.expires && !r.expires.startsWith("0001") ? clock(r.expires) : "")],
    ["Why", (r) => [r.rule, r.reason].filter(Boolean).join(": "), "break"],
    ["", (r) => (r.state === "proposed" ? button("Approve", `${r.action} ${r.target}`, () => act("approve", r)) :
      r.state === "done" ? button("Undo", `${r.action} ${r.target}`, () => act("undo", r)) : "")],
  ], all, "Nothing was proposed or done.");
}

function runbooks(all) {
  return table("Runbooks", [
    ["Runbook", (r) => [el("span", {}, r.id), el("small", {}, r.title)]],
    ["Mode", (r) => {
      const choice = el("select", { "aria-label": `mode of ${r.id}` }, ...["off", "propose", "auto"].map((m) => el("option", { selected: m === r.mode }, m)));
      choice.addEventListener("change", async () => {
        said(await order("mode", { id: r.id, mode: choice.value }), `${r.id}: ${choice.value}`);
      });
      return choice;
    }],
  ], all, "No runbooks.");
}

async function part(verb, where, draw) {
  try {
    fill($(where), draw(await get(verb)));
  } catch (e) {
    problem($(where), e);
  }
}

async function show() {
  await Promise.all([
    part("responses", "#responses", (r) => {
      if (!document.activeElement?.closest("#runbooks")) fill($("#runbooks"), runbooks(r.runbooks));
      return responses(r.responses);
    }),
    part("incidents", "#incidents", (all) => table("Incidents", [
      ["Incident", (i) => [el("span", {}, i.title), el("small", {}, i.id)]], ["State", (i) => i.state], ["Level", (i) => level(i.level)],
      ["About", (i) => about(i.subject)], ["Alerts", (i) => String(i.alerts.length), "n"], ["Threats", (i) => (i.threats ?? []).join(" ")],
    ], all.toReversed(), "No incident.")),
    part("alerts", "#alerts", (all) => table("Alerts", [
      ["Alert", (a) => [el("span", {}, a.title), el("small", {}, a.reason)]], ["When", (a) => clock(a.time)], ["Level", (a) => level(a.level)],
      ["About", (a) => about(a.subject)], ["Events", (a) => String(a.count), "n"], ["Found after", (a) => `${Math.max(0, new Date(a.raised) - new Date(a.time))} ms`, "n"],
    ], all.toReversed().slice(0, 50), "Sentinel has found nothing.")),
  ]);
}

let raised = -1;
watch((m) => {
  if (m.raised !== raised) {
    raised = m.raised;
    show();
  }
});
