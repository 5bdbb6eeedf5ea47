// sqlite-vec's exact search over the vectors that ours searches: vectors.js VECTORS DIMENSIONS QUESTIONS ROUNDS.
// Both files are rows of 32-bit floats. Prints {"p50", "p99"} in ms of processor time and, for each question,
// the row that is nearest.
'use strict';
const { readFileSync } = require('node:fs');
const Database = require('better-sqlite3');

const [vectorsFile, dimensionsText, questionsFile, rounds] = process.argv.slice(2);
const dimensions = Number(dimensionsText), bytes = dimensions * 4;
const rows = (file) => {
  const all = readFileSync(file);
  return Array.from({ length: all.length / bytes }, (_, i) => all.subarray(i * bytes, (i + 1) * bytes));
};

const db = new Database(':memory:');
require('sqlite-vec').load(db);
db.exec(`CREATE VIRTUAL TABLE passages USING vec0(vector float[${dimensions}])`);
const insert = db.prepare('INSERT INTO passages (rowid, vector) VALUES (?, ?)');
db.transaction(() => rows(vectorsFile).forEach((vector, i) => insert.run(BigInt(i), vector)))();
const nearest = db.prepare('SELECT rowid FROM passages WHERE vector MATCH ? AND k = 16 ORDER BY distance').pluck();

const questions = rows(questionsFile), times = [];
for (let round = 0; round < Number(rounds) + 5; ++round) {
  const begun = process.cpuUsage();
  nearest.all(questions[round % questions.length]);
  const { user, system } = process.cpuUsage(begun);
  if (round >= 5) times.push((user + system) / 1000);
}
times.sort((a, b) => a - b);
const at = (share) => times[Math.floor(share * (times.length - 1))];
console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), nearest: questions.map((one) => nearest.get(one)) }));
