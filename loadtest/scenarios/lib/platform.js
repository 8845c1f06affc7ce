// What every scenario needs to know of the lab that it runs against.

// target: {gateway: "https://127.0.0.1:8443", tokens: {alice: "...", ...}}, written by the lab for this run
// into a file that only the load generator can read.
export const target = JSON.parse(open(__ENV.TARGET));

export function bearer(user) {
  return { Authorization: `Bearer ${target.tokens[user]}` };
}

// json gives the request parameters for a JSON call; name groups the URLs of one route.
export function json(headers, name) {
  return { headers: Object.assign({ 'Content-Type': 'application/json' }, headers), tags: name ? { name } : {} };
}

export const documents = [
  {
    language: 'en',
    body: { title: 'Minutes', text: 'The board agreed on Monday to publish the report before the end of the month, and to answer every question that the members had sent in writing.' },
  },
  {
    language: 'de',
    body: { title: 'Wetter', text: 'Am Wochenende wird es in den Bergen kälter, während im Norden noch einmal die Sonne scheint und der Wind langsam nachlässt.' },
  },
  {
    language: 'fr',
    body: { title: 'Marché', text: "Chaque samedi matin, les producteurs de la région vendent leurs fruits et leurs légumes sur la place devant l'église." },
  },
  {
    language: 'es',
    body: { title: 'Viaje', text: 'Salimos de casa muy temprano para llegar a la estación antes de que abrieran las taquillas y poder elegir buenos asientos.', metadata: { origin: 'smoke' } },
  },
  {
    language: 'ru',
    body: { title: 'Письмо', text: 'Мы получили ваше письмо и ответим на все вопросы до конца недели, как только поговорим с коллегами из другого отдела.' },
  },
  {
    language: 'fi',
    body: { title: 'Kesä', text: 'Kesällä perhe viettää aikaa järven rannalla, kalastaa aamuisin ja lämmittää saunan joka ilta ennen nukkumaanmenoa.' },
  },
];
