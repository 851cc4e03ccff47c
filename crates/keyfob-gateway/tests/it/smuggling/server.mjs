// A server of Node.js that writes down each request it understands: `node server.mjs FILE`. Its port is the first line it prints.

import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const file = process.argv[2];
const note = (request, body, whole) => {
  const seen = { method: request.method, target: request.url, body, whole };
  appendFileSync(file, `${JSON.stringify(seen)}\n`);
};

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("error", () => note(request, Buffer.concat(parts).toString(), false));
  request.on("end", () => {
    note(request, Buffer.concat(parts).toString(), true);
    response.writeHead(200, { "content-length": 2 });
    response.end("ok");
  });
});
// What it does not understand it writes down too; that a connection ended is told by the request that it broke off.
const ENDED = ["HPE_INVALID_EOF_STATE", "ECONNRESET"];
server.on("clientError", (error, socket) => {
  if (!ENDED.includes(error.code)) {
    note({ method: "", url: error.code ?? error.message }, String(error.rawPacket), false);
  }
  socket.destroy();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
