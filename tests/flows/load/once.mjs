// Runs one iteration of a k6 script where there is no k6, and says what it found as JSON:
//
//   node once.mjs SCRIPT        {"options":…, "requests":[{"method","url","status"}…], "checks":{name:bool}}
//
// Knows of k6 what load/load-test.js uses: http.get, http.post, check, sleep, __ENV, __VU, __ITER.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

globalThis.__ENV = process.env;
globalThis.__VU = 1;
globalThis.__ITER = 0;
const requests = [], checks = {};

// k6 asks synchronously, which Node cannot: a child does.
function ask(method, url, body, params = {}) {
  const given = ['-sS', '-m', '20', '-X', method, '-w', '\n%{http_code}'];
  for (const [name, value] of Object.entries(params.headers ?? {})) given.push('-H', `${name}: ${value}`);
  if (body !== undefined) given.push('--data-binary', body);
  const said = execFileSync('curl', [...given, url], { encoding: 'utf8' });
  const end = said.lastIndexOf('\n');
  const answer = { status: Number(said.slice(end + 1)), body: said.slice(0, end) };
  answer.json = (path) => path.split('.').reduce((value, key) => value?.[key], JSON.parse(answer.body));
  requests.push({ method, url, status: answer.status });
  return answer;
}
globalThis.__k6 = {
  http: { get: (url, params) => ask('GET', url, undefined, params), post: (url, body, params) => ask('POST', url, body, params) },
  check(value, rules) {
    for (const [name, holds] of Object.entries(rules)) checks[name] = Boolean(holds(value));
  },
  sleep() {},
};

const source = readFileSync(process.argv[2], 'utf8')
  .replace("import http from 'k6/http';", 'const http = globalThis.__k6.http;')
  .replace("import { check, sleep } from 'k6';", 'const { check, sleep } = globalThis.__k6;');
const script = await import(`data:text/javascript,${encodeURIComponent(source)}`);
script.default();
console.log(JSON.stringify({ options: script.options, requests, checks }));
