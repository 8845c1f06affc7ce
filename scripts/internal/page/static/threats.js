import { $, button, clock, el, fill, get, problem, table } from "./page.js";

function step(s) {
  return el("li", {}, el("h3", {}, `${s.layer}: ${s.control}`), el("p", {}, `Stops ${s.stops}. ${s.standard}, enforced by ${s.owner}.`),
    el("p", { class: "quiet" }, "Configured in ", el("code", {}, s.configuration.file), `: ${s.configuration.what}`),
    s.code?.length ? el("p", { class: "quiet" }, "Code: ", el("code", {}, s.code.slice(0, 5).join("  "))) : null,
    ...(s.evidence.length ? s.evidence.map((e) => el("details", {}, el("summary", {}, el("strong", { class: e.verdict === "blocked" ? "good" : "bad" }, e.verdict), ` ${e.id}, ${clock(e.time)}, mode ${e.mode}`),
      el("pre", { tabindex: "0" }, e.evidence.record ? JSON.stringify(e.evidence.record, null, 2) : e.evidence.summary))) :
      [el("p", { class: "none" }, s.attacks.length ? `No evidence here yet: run ${s.attacks[0]}.` : "No attack on this threat gets as far as here.")]));
}

async function trace(t) {
  const found = await get("threat", { id: t.id });
  $("#result").hidden = false;
  $("#h-trace").textContent = `${t.id}: ${t.title}`;
  fill($("#trace"), el("p", {}, found.threat.scenario), el("p", { class: "quiet" }, `Path: ${found.threat.path.join(", ")}`),
    el("ol", { class: "steps" }, ...found.layers.map(step)), el("p", {}, el("strong", {}, "What is left: "), found.threat.residual));
  $("#h-trace").focus();
}

try {
  fill($("#list"), table("Threats", [
    ["Threat", (t) => [el("span", {}, `${t.id} ${t.title}`), el("small", {}, (t.stride ?? []).join(", "))]],
    ["Zone", (t) => t.zone], ["Controls", (t) => String(Object.values(t.controls).flat().length), "n"], ["Attacks", (t) => String(t.attacks.length), "n"],
    ["", (t) => button("Trace", t.id, () => trace(t))],
  ], await get("threats"), "No threats."));
} catch (e) {
  problem($("#list"), e);
}
