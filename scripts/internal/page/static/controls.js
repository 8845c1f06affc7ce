import { $, button, el, fill, filtered, get, order, problem, said, table } from "./page.js";

async function show() {
  const all = await get("controls");
  const draw = (typed) => fill($("#list"), table("Controls", [
    ["Control", (c) => [el("span", {}, c.id), el("small", {}, c.standard)]],
    ["Layer", (c) => c.layer], ["By", (c) => c.owner], ["Stops", (c) => c.stops, "break"],
    ["State", (c) => el("strong", { class: c.off ? "bad" : "good" }, c.off ? "OFF" : "on")],
    ["", (c) => button(c.off ? "Switch on" : "Switch off", c.id, async () => {
      said(await order(c.off ? "on" : "off", { id: c.id }), `${c.id}: ${c.off ? "on" : "OFF"}`);
      await show();
    })],
  ], all.filter((c) => JSON.stringify(c).toLowerCase().includes(typed)), "No control has that in it."));
  draw($("#filter").value.trim().toLowerCase());
  show.draw = draw;
}

try {
  await show();
  filtered($("#filter"), (typed) => show.draw(typed));
} catch (e) {
  problem($("#list"), e);
}
