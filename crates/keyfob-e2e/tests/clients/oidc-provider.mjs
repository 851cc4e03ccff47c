// node oidc-provider.mjs PORT CLIENT_ID: npm's oidc-provider with its own pages, on which whoever types a name is that person,
// for one native client with PKCE. Each request is said on a line: its path, the names of its parameters and its scope.
import Provider from 'oidc-provider';

const RESOURCE = 'https://api.example.org';
const [port, clientId] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: clientId,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/auth/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  findAccount: async (_context, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: id, email: `${id}@example.org`, email_verified: true }),
  }),
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    // So that access tokens say how long they live: the first a minute, the others an hour.
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => RESOURCE,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (context) => ({
        scope: 'openid', audience: RESOURCE, accessTokenFormat: 'jwt',
        accessTokenTTL: context.oidc.params.grant_type === 'refresh_token' ? 3600 : 60,
      }),
    },
  },
});
provider.use(async (context, next) => {
  const { path, query } = context;
  console.log(JSON.stringify({ path, names: Object.keys(query).sort(), scope: query.scope }));
  await next();
});
provider.on('server_error', (_context, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ path: 'ready' })));
