// Lateral movement: topology.yaml lets notification call nothing of modelstore's. It uses its own good certificate.
import { honest, reach } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }
export function attack(lab) { reach(lab, 'modelstore'); }
