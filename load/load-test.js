// Load over the API, for k6: placing calls while the dashboard is being looked at.
//
//   k6 run -e BASE_URL=http://localhost:3001 -e TOKEN=… load/load-test.js
//
// BASE_URL  http://localhost:3001         TOKEN            none in development, from this machine
// ASSISTANT_ID  test-assistant-123        PHONE_NUMBER_ID  test-phone-123 (the built-in callee, so that
//                                                          every call is a real one and leaves no machine)
// STRICT=1  what Voxanne holds itself to: p(99) < 50 ms and no failure, instead of 500 ms and 10 %
import http from 'k6/http';
import { check, sleep } from 'k6';

const strict = __ENV.STRICT === '1';

export const options = {
  stages: [
    { duration: '2m', target: 5 },
    { duration: '2m', target: 10 },
    { duration: '2m', target: 10 },
    { duration: '2m', target: 0 },
  ],
  thresholds: {
    http_req_duration: [strict ? 'p(99)<50' : 'p(99)<500'],
    http_req_failed: [strict ? 'rate<=0' : 'rate<0.1'],
    checks: [strict ? 'rate>=1' : 'rate>0.9'],
  },
};

const base = __ENV.BASE_URL || 'http://localhost:3001';
const headers = { 'Content-Type': 'application/json' };
if (__ENV.TOKEN) headers.Authorization = `Bearer ${__ENV.TOKEN}`;

export default function () {
  const placed = http.post(
    `${base}/api/calls`,
    JSON.stringify({
      assistantId: __ENV.ASSISTANT_ID || 'test-assistant-123',
      phoneNumberId: __ENV.PHONE_NUMBER_ID || 'test-phone-123',
      customer: { number: '+447700900000', name: `Load ${__VU}` },
      metadata: { load: true, user: __VU, iteration: __ITER },
    }),
    { headers },
  );
  check(placed, {
    'a call is placed': (answer) => answer.status === 200,
    'it has an id': (answer) => String(answer.json('id')).length > 0,
  });

  const page = http.get(`${base}/api/calls-dashboard?limit=20&page=1`, { headers });
  check(page, {
    'the dashboard answers': (answer) => answer.status === 200,
    'it shows calls': (answer) => answer.json('calls').length > 0,
  });

  if (placed.status === 200) {
    const call = http.get(`${base}/api/calls/${placed.json('id')}`, { headers });
    check(call, {
      'the call is there': (answer) => answer.status === 200,
      'it did not fail': (answer) => answer.json('status') !== 'failed',
    });
  }

  const health = http.get(`${base}/health`, { headers });
  check(health, { 'all is well': (answer) => answer.status === 200 });

  sleep(1);
}
