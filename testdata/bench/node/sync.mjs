// Writes a CSV file of contacts to HubSpot, a hundred rows at a time, ten requests at a time: what a user would write with
// HubSpot's official client and a CSV parser. It looks at the status of the answers, and remembers nothing.
//
//   HUBSPOT_BASE_URL=http://127.0.0.1:… node sync.mjs people.csv column=property…     the first column is the unique one
import { createReadStream } from 'node:fs';
import { Client } from '@hubspot/api-client';
import { parse } from 'csv-parse';

const [path, ...mapping] = process.argv.slice(2);
const properties = mapping.map((pair) => pair.split('='));
const [keyColumn, keyProperty] = properties[0];
const client = new Client({ accessToken: process.env.HUBSPOT_ACCESS_TOKEN, basePath: process.env.HUBSPOT_BASE_URL });

const inFlight = new Set();
let written = 0;

async function send(rows) {
  const inputs = rows.map((row) => ({
    id: row[keyColumn],
    idProperty: keyProperty,
    properties: Object.fromEntries(properties.filter(([column]) => row[column] !== '').map(([column, property]) => [property, row[column]])),
  }));
  const answer = await client.crm.contacts.batchApi.upsert({ inputs });
  if (answer.status !== 'COMPLETE') throw new Error(`the batch is ${answer.status}`);
  written += answer.results.length;
}

async function queue(rows) {
  const sent = send(rows).finally(() => inFlight.delete(sent));
  inFlight.add(sent);
  if (inFlight.size >= 10) await Promise.race(inFlight);
}

let rows = [];
for await (const row of createReadStream(path).pipe(parse({ columns: true }))) {
  if (rows.push(row) === 100) {
    await queue(rows);
    rows = [];
  }
}
if (rows.length > 0) await queue(rows);
await Promise.all(inFlight);
console.log(written);
