// CWE-362, OWASP API6:2023: between the moment in which a program looks at a balance and that in which it changes it, others
// look, too. Gained is that more is served than was paid for.
import { spend, level, statuses } from '../lib/ledger.js';

const served = (seen) => seen.filter((r) => r.status === 200).length;

export function benign(lab) {
  level(lab);
  const res = lab.http(spend(lab));
  lab.judge(res.status === 200, `status ${res.status}`);
}

// Three times: on a busy machine eight requests may come in turn.
export function attack(lab) {
  let seen = [];
  for (let n = 0; n < 3 && served(seen) < 2; n++) {
    level(lab);
    seen = lab.race([...Array(8)].map(() => spend(lab)));
  }
  lab.judge(served(seen) > 1, `one credit, ${seen.length} requests: ${statuses(seen)}`);
}
