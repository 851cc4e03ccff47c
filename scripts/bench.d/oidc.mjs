// node oidc.mjs PORT CODES TOKENS FOLDER: npm's oidc-provider as ours is set up: a public client with PKCE, refresh
// rotation, JWT access tokens and ID tokens signed with ES256; everything in memory. It writes CODES codes, each with its
// verifier, to FOLDER/ready-codes and TOKENS refresh tokens to FOLDER/tokens, then serves.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Provider from 'oidc-provider';

const [port, codes, tokens, folder] = process.argv.slice(2);
const CLIENT = 'app_EMoamEEZ73f0CkXaXp7hrann';
const REDIRECT = 'http://localhost:1455/auth/callback';
const SCOPE = 'openid profile email offline_access';
const RESOURCE = 'https://api.example.org';
const MONTH = 30 * 86400;
const PEOPLE = 64;

// The adapter that comes along keeps the last thousand entries only, and so forgets what is in use.
const entries = new Map();
const byUid = new Map();
const byGrant = new Map();

class Memory {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model} ${id}`;
  }

  async upsert(id, payload) {
    const key = this.key(id);
    entries.set(key, payload);
    if (payload.uid) byUid.set(payload.uid, key);
    if (payload.grantId && this.model !== 'Grant') {
      if (!byGrant.has(payload.grantId)) byGrant.set(payload.grantId, new Set());
      byGrant.get(payload.grantId).add(key);
    }
  }

  async find(id) {
    return entries.get(this.key(id));
  }

  async findByUid(uid) {
    return entries.get(byUid.get(uid));
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    entries.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) entries.delete(key);
    byGrant.delete(grantId);
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const only = ['ES256'];
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'ES256' }] },
  enabledJWA: { idTokenSigningAlgValues: only, userinfoSigningAlgValues: only, introspectionSigningAlgValues: only,
    authorizationSigningAlgValues: only },
  clients: [{
    client_id: CLIENT,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: [REDIRECT],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    id_token_signed_response_alg: 'ES256',
  }],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  conformIdTokenClaims: false,
  scopes: SCOPE.split(' '),
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  ttl: { AccessToken: 3600, AuthorizationCode: 3600, IdToken: 3600, Grant: MONTH, RefreshToken: MONTH },
  findAccount: async (_context, accountId) => ({
    accountId,
    claims: async () => ({ sub: accountId, name: 'mia', email: 'mia@example.org', email_verified: true }),
  }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => RESOURCE,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({
        scope: SCOPE, audience: RESOURCE, accessTokenTTL: 3600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.on('server_error', (_context, error) => console.error(error));

const client = await provider.Client.find(CLIENT);

async function granted(number) {
  const accountId = `person-${number % PEOPLE}`;
  const grant = new provider.Grant({ clientId: CLIENT, accountId });
  grant.addOIDCScope(SCOPE);
  grant.addResourceScope(RESOURCE, SCOPE);
  return {
    accountId, client, grantId: await grant.save(), scope: SCOPE, resource: RESOURCE, claims: {}, acr: '0', amr: ['pwd'],
    authTime: Math.floor(Date.now() / 1000), sessionUid: `session-${number}`, expiresWithSession: false,
  };
}

async function lines(name, count, make) {
  const made = [];
  for (let number = 0; number < Number(count); number += 1) made.push(await make(await granted(number)));
  writeFileSync(join(folder, name), made.join('\n'));
}

await lines('ready-codes', codes, async (granted) => {
  const verifier = randomBytes(48).toString('base64url');
  const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
  const code = { ...granted, redirectUri: REDIRECT, codeChallenge, codeChallengeMethod: 'S256' };
  return `${await new provider.AuthorizationCode(code).save()} ${verifier}`;
});
await lines('tokens', tokens, async (granted) => {
  const token = { ...granted, gty: 'authorization_code refresh_token', rotations: 0, iiat: granted.authTime };
  return new provider.RefreshToken(token).save();
});
provider.listen(Number(port), '127.0.0.1');
