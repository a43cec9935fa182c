// Reads flags with the OpenFeature SDKs for servers and for the web, through their
// OFREP providers, and prints one line of JSON for each answer. When the web SDK is
// ready it says so, waits until it is told of a change, and asks again.
//
// node openfeature.mjs MODULES URL SERVER_KEY CLIENT_KEY
import { createRequire } from 'node:module'

const [modules, baseUrl, serverKey, clientKey] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { OpenFeature: Server } = require('@openfeature/server-sdk')
const { OFREPProvider } = require('@openfeature/ofrep-provider')
const { OpenFeature: Web, ProviderEvents } = require('@openfeature/web-sdk')
const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider')
globalThis.EventSource = require('eventsource').EventSource // which browsers bring along

const say = (what, d) => console.log(JSON.stringify({
  what, value: d.value, variant: d.variant, reason: d.reason, error: d.errorCode, metadata: d.flagMetadata,
}))

await Server.setProviderAndWait(new OFREPProvider({ baseUrl, headers: [['Authorization', `Bearer ${serverKey}`]] }))
const server = Server.getClient()
const anna = { targetingKey: 'anna', plan: 'free' }
say('target', await server.getBooleanDetails('checkout-v2', false, anna))
say('default', await server.getBooleanDetails('checkout-v2', true, { targetingKey: 'carl' }))
say('rule', await server.getStringDetails('button', 'none', { targetingKey: 'carl', plan: 'pro' }))
say('number', await server.getNumberDetails('team/limit', 1, anna))
say('object', await server.getObjectDetails('theme', {}, anna))
say('code default', await server.getStringDetails('unsaid', 'mine', anna))
say('not found', await server.getBooleanDetails('nope', true, anna))
say('wrong type', await server.getStringDetails('checkout-v2', 'mine', anna))
say('no user', await server.getBooleanDetails('half', true, { plan: 'free' }))

await Web.setContext(anna)
await Web.setProviderAndWait(new OFREPWebProvider({ baseUrl, headers: [['X-API-Key', clientKey]], pollInterval: 0 }))
const web = Web.getClient()
say('web', web.getStringDetails('button', 'none'))
say('web secret', web.getBooleanDetails('checkout-v2', false))
await Web.setContext({ targetingKey: 'anna', plan: 'pro' })
say('web other context', web.getStringDetails('button', 'none'))

const changed = new Promise((resolve) => web.addHandler(ProviderEvents.ConfigurationChanged, resolve))
console.log(JSON.stringify({ what: 'ready' }))
await changed
say('web changed', web.getStringDetails('button', 'none'))
await Web.close()
await Server.close()
process.exit(0)
