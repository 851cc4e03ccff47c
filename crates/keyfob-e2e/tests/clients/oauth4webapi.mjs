// oauth4webapi, as its documentation has it, in both roles: a client, and a server that checks access tokens by itself.
import * as oauth from 'oauth4webapi'
import { clientId, issuer, listen, say, scope, serverName, serverSecret, withoutNonce } from './peer.mjs'

const client = { client_id: clientId }
const asPublic = oauth.None()
const as = await discover()
await resource()
await refused()
const tokens = await signIn()
await accessToken('access token', tokens.access_token)
await userInfo()
const refreshed = await refresh()
await introspect('introspection', refreshed.access_token)
await introspectAsStranger()
await revoke()
await introspect('introspection after revocation', refreshed.access_token)
await device()

async function discover() {
  const identifier = new URL(issuer)
  const documents = []
  for (const algorithm of ['oidc', 'oauth2']) {
    const response = await oauth.discoveryRequest(identifier, { algorithm })
    documents.push(await oauth.processDiscoveryResponse(identifier, response))
  }
  say('discovery', documents)
  return documents[0]
}

async function resource() {
  const identifier = new URL(issuer)
  const response = await oauth.resourceDiscoveryRequest(identifier)
  say('resource', await oauth.processResourceDiscoveryResponse(identifier, response))
}

async function authorize(step) {
  const { redirectUri, arrival } = await listen()
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const address = new URL(as.authorization_endpoint)
  address.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    max_age: '600',
  })
  say(step, address.href)
  const callback = oauth.validateAuthResponse(as, client, await arrival, state)
  const request = [as, client, asPublic, callback, redirectUri, verifier]
  return { response: await oauth.authorizationCodeGrantRequest(...request), nonce }
}

async function refused() {
  const error = await authorize('to be refused').then(() => null, (error) => error)
  say('refusal', { name: error?.name, error: error?.error })
}

async function signIn() {
  const { response, nonce } = await authorize('to be approved')
  const checks = { expectedNonce: nonce, maxAge: 600, requireIdToken: true }
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, checks)
  await oauth.validateApplicationLevelSignature(as, response)
  const { token_type, expires_in, scope } = tokens
  const claims = withoutNonce(oauth.getValidatedIdTokenClaims(tokens))
  say('sign-in', { token_type, expires_in, scope, claims })
  return tokens
}

// As a resource server does (RFC 9068 §4).
async function accessToken(step, token) {
  const request = new Request(new URL('/anything', issuer), { headers: { authorization: `Bearer ${token}` } })
  say(step, await oauth.validateJwtAccessToken(as, request, issuer))
}

async function userInfo() {
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const response = await oauth.userInfoRequest(as, client, tokens.access_token)
  say('userinfo', await oauth.processUserInfoResponse(as, client, sub, response))
}

async function refresh() {
  const response = await oauth.refreshTokenGrantRequest(as, client, asPublic, tokens.refresh_token)
  const next = await oauth.processRefreshTokenResponse(as, client, response)
  await oauth.validateApplicationLevelSignature(as, response)
  const { token_type, expires_in, scope } = next
  const isNew = next.refresh_token !== tokens.refresh_token && next.access_token !== tokens.access_token
  say('refresh', { isNew, token_type, expires_in, scope, claims: oauth.getValidatedIdTokenClaims(next) })
  return next
}

async function introspect(step, token) {
  const server = { client_id: serverName }
  const asServer = oauth.ClientSecretBasic(serverSecret)
  const response = await oauth.introspectionRequest(as, server, asServer, token)
  say(step, await oauth.processIntrospectionResponse(as, server, response))
}

async function introspectAsStranger() {
  const server = { client_id: serverName }
  const asStranger = oauth.ClientSecretBasic('not the secret')
  const response = await oauth.introspectionRequest(as, server, asStranger, refreshed.access_token)
  const error = await oauth.processIntrospectionResponse(as, server, response).then(() => null, (error) => error)
  say('introspection by a stranger', { name: error?.name, status: error?.status, challenges: error?.cause })
}

async function revoke() {
  const response = await oauth.revocationRequest(as, client, asPublic, refreshed.refresh_token)
  await oauth.processRevocationResponse(response)
  const late = await oauth.refreshTokenGrantRequest(as, client, asPublic, refreshed.refresh_token)
  const error = await oauth.processRefreshTokenResponse(as, client, late).then(() => null, (error) => error)
  say('refresh after revocation', { name: error?.name, error: error?.error, status: error?.status })
}

async function device() {
  const parameters = new URLSearchParams({ scope })
  const response = await oauth.deviceAuthorizationRequest(as, client, asPublic, parameters)
  const { device_code, ...shown } = await oauth.processDeviceAuthorizationResponse(as, client, response)
  const early = await poll(device_code)
  // Only now is the person told, so that the first poll comes before they decide.
  say('device', { ...shown, early: early.error })
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, shown.interval * 1000))
    const tokens = await poll(device_code)
    if (tokens.error === 'authorization_pending') continue
    if (tokens.error) throw new Error(tokens.error)
    const { token_type, expires_in, scope: granted } = tokens
    const claims = oauth.getValidatedIdTokenClaims(tokens)
    say('device sign-in', { token_type, expires_in, scope: granted, claims })
    const revoked = await oauth.revocationRequest(as, client, asPublic, tokens.refresh_token)
    return oauth.processRevocationResponse(revoked)
  }
}

async function poll(deviceCode) {
  const response = await oauth.deviceCodeGrantRequest(as, client, asPublic, deviceCode)
  return oauth.processDeviceCodeResponse(as, client, response).catch((error) => {
    if (error instanceof oauth.ResponseBodyError) return error
    throw error
  })
}
