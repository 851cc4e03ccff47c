// What both clients need around their library: where the browser comes back to, and lines of JSON for the test.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

export const [issuer, clientId, scope, serverName, secretFile] = process.argv.slice(2)

// The file holds NAME:SECRET, as the gateway's does.
export const serverSecret = (await readFile(secretFile, 'utf8')).trim().split(':')[1]

// One line for each step; nothing of what it prints is secret but the `state` in the address of a sign-in.
export const say = (step, value) => console.log(JSON.stringify({ step, value }))

// Listens for one callback on loopback (RFC 8252 §7.3).
export async function listen() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const redirectUri = `http://127.0.0.1:${server.address().port}/auth/callback`
  const arrival = new Promise((resolve) => {
    server.once('request', (request, response) => {
      response.end('Signed in.', () => server.close())
      resolve(new URL(request.url, redirectUri))
    })
  })
  return { redirectUri, arrival }
}

// The nonce was random and is checked by the library.
export const withoutNonce = ({ nonce, ...claims }) => claims
