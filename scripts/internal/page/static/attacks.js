import { $, button, el, fill, filtered, get, order, problem, say, table } from "./page.js";

const layers = ["edge", "mesh", "app", "infra"];

// way shows the layers that defend against the attack's threat, and at which it ended.
function way(r, threat) {
  const there = layers.filter((l) => threat?.controls[l]?.length);
  return el("ol", { class: "way" }, ...there.map((l) => {
    const here = l === r.layer && r.verdict === "blocked";
    const words = here ? `stopped here by ${r.blocked_by}` : r.verdict === "succeeded" ? "didn't stop it" :
      there.indexOf(l) < there.indexOf(r.layer) ? "isn't what stopped it" : "stands behind";
    return el("li", { class: here ? "here" : null }, el("strong", {}, l), el("span", {}, words), el("small", {}, threat.controls[l].join(", ")));
  }));
}

function verdict(r, threat) {
  const good = r.verdict === "blocked" || r.verdict === "found";
  return [el("p", {}, el("strong", { class: good ? "good" : "bad" }, r.verdict.toUpperCase()), ` ${r.id}: ${r.evidence.summary}`), way(r, threat),
    el("p", {}, `Its honest twin: ${r.evidence.twin}. Evidence: ${r.evidence.kind}${r.evidence.component ? `, from ${r.evidence.component}'s log` : ""}${r.evidence.errno ? `, ${r.evidence.errno}` : ""}.`),
    r.evidence.record ? el("pre", { tabindex: "0", "aria-label": "the record" }, JSON.stringify(r.evidence.record, null, 2)) : null].filter(Boolean);
}

async function run(one, threats) {
  $("#result").hidden = false;
  fill($("#verdict"), el("p", {}, `Running ${one.id} …`));
  const a = await order("attack", { id: one.id });
  if (!a.result) throw new Error(a.error);
  const parts = a.result.attacks.flatMap((r) => verdict(r, threats.find((t) => t.id === r.threat)));
  for (const s of a.result.skipped) parts.push(el("p", {}, el("strong", { class: "warn" }, "SKIPPED"), ` ${s.id}: ${s.reason}`));
  fill($("#verdict"), ...parts);
  $("#result").scrollIntoView({ block: "nearest" });
}

try {
  const [attacks, threats] = await Promise.all([get("attacks"), get("threats")]);
  filtered($("#filter"), (typed) => fill($("#list"), table("Attacks", [
    ["Attack", (a) => [el("span", {}, a.id), el("small", {}, a.title)]],
    ["Threat", (a) => a.threat],
    ["From", (a) => a.vantage],
    ["Stopped by", (a) => a.blocked_by || `found: ${a.raises}`, "break"],
    ["", (a) => button("Run", a.id, async () => {
      try {
        await run(a, threats);
      } catch (e) {
        problem($("#verdict"), e);
        say(e.message, true);
      }
    })],
  ], attacks.filter((a) => JSON.stringify([a.id, a.title, a.threat, a.vantage, a.blocked_by]).toLowerCase().includes(typed)), "No attack has that in it.")));
} catch (e) {
  problem($("#list"), e);
}
