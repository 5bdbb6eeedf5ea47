// The health pill: asks /health now and then, and says what is away.
import { duration, element } from './words.js';

const looks = { ok: ['good', 'All well'], degraded: ['warn', 'Degraded'], error: ['bad', 'Out of order'] };

export function watchHealth(box, interval = 10_000) {
  const summary = box.querySelector('summary');
  const show = (look, text) => {
    summary.className = `pill ${look}`;
    summary.querySelector('.text').textContent = text;
  };
  const ask = async () => {
    try {
      const response = await fetch('/health');
      const health = await response.json();
      show(...(looks[health.status] ?? looks.error));
      box.querySelector('dl').replaceChildren(...Object.entries(health.services)
        .flatMap(([name, up]) => [element('dt', '', name), element('dd', '', up ? 'up' : 'down')]));
      box.querySelector('p').textContent =
        `Version ${health.version}, ${health.environment}, up ${duration(health.uptime)}${health.notice ? `. ${health.notice}` : ''}`;
    } catch {
      show('bad', 'Unreachable');
    }
  };
  ask();
  return setInterval(ask, interval);
}
