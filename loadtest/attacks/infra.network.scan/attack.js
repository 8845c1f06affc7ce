// MITRE ATT&CK T1046: every port that listens anywhere, on each of its addresses. The twin is the same scan of its own networks,
// which has to find everything there.
import { probe, names } from '../lib/network.js';

export function benign(lab) { probe(lab, names(lab, (own) => own)); }
export function attack(lab) { probe(lab, names(lab, (own) => !own)); }
