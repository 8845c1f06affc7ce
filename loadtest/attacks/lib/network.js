// What networks alone keep apart: connections, whatever is said on them.

// probe connects to the targets, at the same time. All of them have to answer where that is allowed, and one is enough where
// it isn't.
export function probe(lab, names) {
  const seen = lab.mesh.race(names.map((name) => ({ address: address(lab, name), timeout: 3000 })));
  const reached = seen.filter((res) => res.local);
  const kept = seen.find((res) => !res.local);
  const gained = lab.phase === 'benign' ? reached.length === names.length : reached.length > 0;
  lab.judge(gained, `${reached.length} of ${names.length} reached`, { errno: kept ? kept.errno : '' });
}

function address(lab, name) {
  if (!lab.targets[name]) throw new Error(`nothing listens by the name of ${name}`);
  return lab.targets[name];
}

// names are all that listens on networks for which the choice is.
export function names(lab, choice) {
  return Object.keys(lab.targets).filter((name) => choice(lab.networks.includes(name.split(' ')[1])));
}
