// Sends events with @segment/analytics-node.
// `send_node.mjs URL CUSTOMER EVENTS PAUSE_MS`; prints each event's messageId.
import { createRequire } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import { Analytics } from '@segment/analytics-node'

const { version } = createRequire(import.meta.url)('./node_modules/@segment/analytics-node/package.json')
const [url, customer, events, pauseMs] = process.argv.slice(2)
const analytics = new Analytics({ writeKey: process.env.REGULARS_KEY, host: url, flushAt: 10, flushInterval: 100, maxRetries: 20 })
const ids = new Set()
const failed = []
analytics.on('http_request', ({ body }) => JSON.parse(body).batch.forEach((event) => ids.add(event.messageId)))
analytics.on('error', (error) => failed.push(String(error.reason ?? error.code)))
for (let number = 0; number < Number(events); number++) {
  analytics.track({
    userId: customer,
    anonymousId: `visitor-${customer}`,
    event: 'Product Viewed',
    properties: { product_id: `${customer}-${number}`, price: '9.50' },
  })
  await pause(Number(pauseMs)) // a shop's visitors do not come all at once
}
await analytics.closeAndFlush({ timeout: 60_000 })
process.stdout.write(JSON.stringify({ version, ids: [...ids], failed }))
