// Connect has no revocation list: a leaf that was stolen is good until it ends, for what its service may do and no more.
import { reach } from '../lib/lateral.js';

export function benign(lab) { reach(lab, 'gateway'); }
export function attack(lab) { reach(lab, 'modelstore'); }
