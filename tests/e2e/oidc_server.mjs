// An OpenID provider for the end-to-end tests: the certified oidc-provider package, with people who sign in by
// themselves. Says {"issuer"} on standard output when it listens.
//
//   node oidc_server.mjs PORT REDIRECT_URI [ALGORITHM]
//
//   POST /control {"account": "alice-id"}     who signs in next; null: nobody, the provider answers access_denied
//   POST /control {"age": 3600}               how many seconds ago a sign-in that is not asked to be fresh was done
//
// Accounts are {id: claims} of ACCOUNTS below.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, redirectUri, algorithm = 'RS256'] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const ACCOUNTS = {
  'id-olivia': { preferred_username: 'olivia' },
  'id-sam': { preferred_username: 'sam' },
  'id-impostor': { preferred_username: 'sam' },
  'id-stranger': { preferred_username: 'mallory' },
  'id-nameless': {},
};

const KEYS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const jwk = { ...KEYS[algorithm]().privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: algorithm };

const state = { account: 'id-olivia', age: 0 };

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'countersign',
    client_secret: 'a secret & more: 100%',
    redirect_uris: [redirectUri],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    id_token_signed_response_alg: algorithm,
    backchannel_logout_uri: redirectUri.replace(/callback$/, 'backchannel-logout'),
    backchannel_logout_session_required: true,
  }],
  jwks: { keys: [jwk] },
  cookies: { keys: ['only for tests'] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  // Its own refuses this machine's addresses, where the gateway of a test is.
  fetch: (url, options) => globalThis.fetch(url, { ...options, dispatcher: undefined }),
  // Names stand in the ID token, as most providers put them; the default is the userinfo endpoint only.
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], profile: ['preferred_username'] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...ACCOUNTS[id] }) }),
});

// What a person would do with the provider's pages.
async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (state.account === null) {
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: '<b>no</b>' });
  }
  if (details.prompt.name === 'login') {
    const fresh = details.params.prompt === 'login' || details.params.max_age === '0';
    const ts = Math.floor(Date.now() / 1000) - (fresh ? 0 : state.age);
    return provider.interactionFinished(request, response, { login: { accountId: state.account, ts } });
  }
  const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  grant.addOIDCScope('openid profile');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function control(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  Object.assign(state, JSON.parse(Buffer.concat(chunks)));
  response.writeHead(204).end();
}

provider.on('backchannel.success', (_, client, accountId) => console.log(JSON.stringify({ told: client.clientId, of: accountId })));
provider.on('backchannel.error', (_, error) => console.log(JSON.stringify({ not_told: error.message })));

const rest = provider.callback();
createServer((request, response) => {
  const work = request.url.startsWith('/interaction/') ? interact : request.url === '/control' ? control : rest;
  Promise.resolve(work(request, response)).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
}).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ issuer })));
