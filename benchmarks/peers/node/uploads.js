// The same files PUT by AWS's own client: uploads.js ENDPOINT BUCKET FOLDER. Prints the seconds of processor time
// and of real time that it took.
'use strict';
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { S3Client, PutObjectCommand } = require('@aws-sdk/client-s3');

const [endpoint, bucket, folder] = process.argv.slice(2);
const client = new S3Client({
  endpoint, region: 'us-east-1', forcePathStyle: true,
  credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
  requestChecksumCalculation: 'WHEN_REQUIRED',
});
const files = readdirSync(folder).filter((name) => name.endsWith('.ogg'));
const put = async (name, key = `peer/${name}`) => client.send(new PutObjectCommand({
  Bucket: bucket, Key: key, ContentType: 'audio/ogg', Body: readFileSync(join(folder, name)) }));

(async () => {
  await put(files[0], 'peer/first');  // connects and compiles
  const cpu = process.cpuUsage(), begun = process.hrtime.bigint();
  for (const name of files) await put(name);
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ cpu: (user + system) / 1e6, wall: Number(process.hrtime.bigint() - begun) / 1e9 }));
})();
