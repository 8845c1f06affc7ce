import { $, button, el, fill, get, order, problem, said, table } from "./page.js";

function outcome(a) {
  const r = a.result, parts = [];
  if (a.error) parts.push(el("p", { class: "bad" }, a.error + (a.try ? ` Try: ${a.try}` : "")));
  if (r?.hint) parts.push(el("p", {}, el("strong", {}, `Hint ${r.number} of ${r.of}: `), r.hint), el("p", { class: "quiet" }, `Solving it brings ${r.worth} points now.`));
  if (r?.folder) parts.push(el("p", {}, r.scenario), el("p", {}, "Edit these, in ", el("code", {}, r.folder), ": ", el("code", {}, r.edit.join("  "))));
  if (r?.reasoning) parts.push(el("p", {}, r.reasoning), ...r.edits.map((e) => el("pre", { tabindex: "0" }, `${e.file}\n- ${e.old}\n+ ${e.new}`)));
  const checks = r?.checks ?? r?.grade?.checks;
  if (checks) parts.push(el("ul", {}, ...checks.map((c) => el("li", {}, el("strong", { class: c.passed ? "good" : "bad" }, `${c.name ?? c.check}: ${c.passed ? "passed" : "failed"}`), ` ${c.detail ?? ""}`))));
  fill($("#outcome"), ...parts);
}

async function act(verb, parameters = {}, well) {
  fill($("#outcome"), el("p", {}, "Busy: this may take a minute …"));
  const a = await order(verb, parameters);
  outcome(a);
  said(a, well);
  await show();
}

function current(e) {
  if (!e) return [el("p", { class: "none" }, "None: start one below.")];
  return [el("p", {}, el("strong", {}, `${e.id}: ${e.title}`)), el("p", {}, e.scenario), el("p", { class: "buttons" },
    button("Apply", e.id, () => act("exercise-apply", {}, "In force.")), button("Check", e.id, () => act("exercise-check", {}, "Mended.")),
    button("Hint", e.id, () => act("exercise-hint")), button("Solution", e.id, () => act("exercise-solution")),
    button("Reset", e.id, () => act("exercise-reset", {}, "Broken anew.")), button("Stop", e.id, () => act("exercise-stop", {}, "The lab is as it was.")))];
}

async function show() {
  const [{ exercises: all }, progress] = await Promise.all([get("exercises"), get("progress")]);
  const solved = all.filter((e) => e.state === "solved");
  $("#progress").textContent = `${solved.length} of ${all.length} solved, ${solved.reduce((n, e) => n + e.points, 0)} points`;
  fill($("#current"), ...current(all.find((e) => e.id === progress.current)));
  fill($("#list"), table("Exercises", [
    ["Exercise", (e) => [el("span", {}, e.title), el("small", {}, e.id)]],
    ["Level", (e) => e.level], ["About", (e) => e.subject], ["State", (e) => el("span", { class: e.state === "solved" ? "good" : null }, e.state)],
    ["Points", (e) => String(e.points), "n"], ["", (e) => button("Start", e.id, () => act("exercise-start", { id: e.id }, "The lab is broken: mend it."))],
  ], all, "No exercises."));
}

try {
  await show();
} catch (e) {
  problem($("#list"), e);
}
