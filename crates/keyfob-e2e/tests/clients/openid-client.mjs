// openid-client, as its documentation has it: every check on that it offers, and none taken away.
import * as client from 'openid-client'
import { clientId, issuer, listen, say, scope, serverName, serverSecret, withoutNonce } from './peer.mjs'

const config = await discover()
await refused()
const tokens = await signIn()
await userInfo()
const refreshed = await refresh()
await introspect('introspection', refreshed.access_token)
await revoke()
await introspect('introspection after revocation', refreshed.access_token)
await device()

async function discover() {
  const options = { execute: [client.enableNonRepudiationChecks] }
  const config = await client.discovery(new URL(issuer), clientId, undefined, client.None(), options)
  say('discovery', config.serverMetadata())
  return config
}

async function authorize(step) {
  const { redirectUri, arrival } = await listen()
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()]
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    max_age: '600',
  })
  say(step, address.href)
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 600, idTokenExpected: true }
  return client.authorizationCodeGrant(config, await arrival, checks)
}

async function refused() {
  const error = await authorize('to be refused').then(() => null, (error) => error)
  say('refusal', { name: error?.name, error: error?.error })
}

async function signIn() {
  const tokens = await authorize('to be approved')
  const { token_type, expires_in, scope } = tokens
  say('sign-in', { token_type, expires_in, scope, claims: withoutNonce(tokens.claims()) })
  return tokens
}

async function userInfo() {
  say('userinfo', await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub))
}

async function refresh() {
  const next = await client.refreshTokenGrant(config, tokens.refresh_token)
  const { token_type, expires_in, scope } = next
  const isNew = next.refresh_token !== tokens.refresh_token && next.access_token !== tokens.access_token
  say('refresh', { isNew, token_type, expires_in, scope, claims: next.claims() })
  return next
}

async function introspect(step, token) {
  const server = new client.Configuration(
    config.serverMetadata(),
    serverName,
    undefined,
    client.ClientSecretBasic(serverSecret),
  )
  say(step, await client.tokenIntrospection(server, token))
}

async function revoke() {
  await client.tokenRevocation(config, refreshed.refresh_token, { token_type_hint: 'refresh_token' })
  const error = await client.refreshTokenGrant(config, refreshed.refresh_token).then(() => null, (error) => error)
  say('refresh after revocation', { name: error?.name, error: error?.error, status: error?.status })
}

async function device() {
  const started = await client.initiateDeviceAuthorization(config, { scope })
  const { device_code, ...shown } = started
  say('device', shown)
  const tokens = await client.pollDeviceAuthorizationGrant(config, started)
  const { token_type, expires_in, scope: granted } = tokens
  say('device sign-in', { token_type, expires_in, scope: granted, claims: tokens.claims() })
  await client.tokenRevocation(config, tokens.refresh_token)
}
