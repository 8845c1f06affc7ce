// Lateral movement: topology.yaml lets payments call nothing of inference's. It uses its own good certificate, and a transaction token that it writes itself.
import { honest, reach } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }
export function attack(lab) { reach(lab, 'inference'); }
