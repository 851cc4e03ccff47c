// node openai.mjs PORT CLIENT_ID: plays OpenAI's issuer, which cannot be reached from a test: the addresses, the parameters and
// the answers that the Codex CLI has with it, and not one more. It has no discovery document for that client. Each request
// that is not as the CLI sends it is answered with 400 and said on a line.
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const [port, clientId] = process.argv.slice(2);
const ISSUER = 'https://auth.openai.com';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const base64 = (value) => Buffer.from(value).toString('base64url');
const random = () => base64(randomBytes(32));
const codes = new Map();
let refresh;

function sign(claims) {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: ISSUER, sub: 'auth0|mia', iat: now, exp: now + 3600, ...claims };
  const text = `${base64(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: 'k1' }))}.${base64(JSON.stringify(all))}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}

function tokens() {
  refresh = `rt_${random()}`;
  const account = { chatgpt_account_id: 'acct-1', chatgpt_plan_type: 'pro', chatgpt_user_id: 'user-1' };
  return {
    id_token: sign({ aud: [clientId], email: 'mia@example.org', email_verified: true, 'https://api.openai.com/auth': account }),
    access_token: sign({ aud: ['https://api.openai.com/v1'], jti: random(), 'https://api.openai.com/auth': account }),
    refresh_token: refresh,
  };
}

// As the Codex CLI sends them, in its order; what is random stands as a pattern.
const AUTHORIZE = new RegExp(`^response_type=code&client_id=${clientId}&redirect_uri=http%3A%2F%2F127\\.0\\.0\\.1%3A1455%2Fauth%2Fcallback`
  + '&code_challenge=[\\w-]{43}&code_challenge_method=S256&state=[\\w-]{43}'
  + '&scope=openid\\+profile\\+email\\+offline_access\\+api\\.connectors\\.read\\+api\\.connectors\\.invoke'
  + '&id_token_add_organizations=true&codex_cli_simplified_flow=true&originator=codex_cli_rs$');

const routes = {
  'GET /oauth/authorize': (_body, query, response) => {
    if (!AUTHORIZE.test(query)) return false;
    const { state, redirect_uri: to, code_challenge: challenge } = Object.fromEntries(new URLSearchParams(query));
    const code = random();
    codes.set(code, { challenge, to });
    response.setHeader('content-type', 'text/html');
    response.end(`<form id="confirm" action="${to}"><input type="hidden" name="code" value="${code}">
      <input type="hidden" name="scope" value="openid profile email offline_access">
      <button name="decision" value="approve">Continue</button><input type="hidden" name="state" value="${state}"></form>`);
    return true;
  },
  'POST /oauth/token': (body, _query, response) => {
    const sent = Object.fromEntries(new URLSearchParams(body));
    if (sent.client_id !== clientId) return false;
    response.setHeader('content-type', 'application/json');
    const asked = codes.get(sent.code);
    codes.delete(sent.code);
    const challenge = createHash('sha256').update(sent.code_verifier ?? '').digest('base64url');
    const redeems = sent.grant_type === 'authorization_code' && asked?.to === sent.redirect_uri && asked.challenge === challenge;
    if (!redeems && !(sent.grant_type === 'refresh_token' && sent.refresh_token === refresh)) return false;
    response.end(JSON.stringify(tokens()));
    return true;
  },
  'POST /oauth/revoke': (body, _query, response) => {
    if (new URLSearchParams(body).get('token') !== refresh) return false;
    response.end();
    return true;
  },
  'GET /.well-known/jwks.json': (_body, _query, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }] }));
    return true;
  },
  'GET /favicon.ico': (_body, _query, response) => { response.end(); return true; },
};

createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    const [path, query = ''] = request.url.split('?');
    const what = `${request.method} ${path}`;
    const isKnown = routes[what]?.(body, query, response) ?? false;
    console.log(JSON.stringify({ request: what, isKnown }));
    if (isKnown) return;
    response.statusCode = 400;
    response.end(JSON.stringify({ error: { message: 'Bad request', code: 'bad_request' } }));
  });
}).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ request: 'ready', isKnown: true })));
