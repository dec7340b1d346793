'use strict'

// Runs Midtrans's own Node client, unchanged but for its base URLs, against
// the simulator at the address in MIDTRANS_URL. The payer's part is played on
// the pages that the answers lead to. Prints "ok" and a count at the end; the
// first expectation that is not met ends it with status 1.

const assert = require('node:assert/strict')
const midtrans = require('midtrans-client')
const apiConfig = require('midtrans-client/lib/apiConfig')

const base = process.env.MIDTRANS_URL
apiConfig.CORE_SANDBOX_BASE_URL = base
apiConfig.SNAP_SANDBOX_BASE_URL = base + '/snap/v1'

const keys = { isProduction: false, serverKey: process.env.MIDTRANS_SERVER_KEY, clientKey: process.env.MIDTRANS_CLIENT_KEY }
const snap = new midtrans.Snap(keys)
const core = new midtrans.CoreApi(keys)
const stranger = new midtrans.CoreApi({ ...keys, serverKey: 'SB-Mid-server-wrong' })

let calls = 0

// works is a call that must be answered with what is wanted.
async function works (want, call) {
  const got = await call
  calls++
  for (const [key, value] of Object.entries(want)) assert.deepEqual(got[key], value, key + ' of ' + JSON.stringify(got))
  return got
}

// fails is a call that must be refused: a number is an HTTP status, a text
// the code in a body that came with HTTP 200.
async function fails (want, call) {
  calls++
  await assert.rejects(call, (e) => {
    assert.equal(e.name, 'MidtransError', e.stack)
    assert.strictEqual(e.httpStatusCode, want, e.message)
    return true
  })
}

let orders = 0
const details = (id) => ({ transaction_details: { order_id: id, gross_amount: 30000 } })
const newID = () => `node-${++orders}`

const gopay = (id = newID()) => core.charge({ payment_type: 'gopay', ...details(id) })
const card = async (number, more = {}, id = newID()) =>
  core.charge({ payment_type: 'credit_card', ...details(id), credit_card: { token_id: (await token(number)).token_id, ...more } })
const cardFields = (number) => ({ client_key: keys.clientKey, card_number: number, card_exp_month: '12', card_exp_year: '2030', card_cvv: '123' })
const token = (number) => core.cardToken(cardFields(number))

const monthly = (token) => ({
  name: 'MONTHLY', amount: '14000', currency: 'IDR', payment_type: 'credit_card', token, schedule: { interval: 1, interval_unit: 'month', max_interval: 12 }
})

// use does something on the page that an address leads to.
async function use (address, transaction, fields) {
  const page = await fetch(address)
  assert.equal(page.status, 200, address)
  const answer = await fetch(page.url, { method: 'POST', body: new URLSearchParams({ transaction, ...fields }) })
  assert.equal(answer.status, 200, 'the page after ' + fields.do)
}

// paid is a transaction that was paid on its page.
async function paid () {
  const made = await gopay()
  await use(made.actions.find((a) => a.name === 'deeplink-redirect').url, made.transaction_id, { do: 'pay' })
  await works({ transaction_status: 'settlement', status_code: '200' }, core.transaction.status(made.order_id))
  return made
}

const good = '4811111111111114'
const denied = '4911111111111113'
const challenged = '4511111111111117'

const checks = {
  async snap () {
    const made = await snap.createTransaction(details(newID()))
    assert.match(made.token, /^[0-9a-f-]{36}$/)
    assert.ok(made.redirect_url.endsWith('/' + made.token))
    assert.equal(typeof await snap.createTransactionToken(details(newID())), 'string')
    assert.ok((await snap.createTransactionRedirectUrl(details(newID()))).startsWith('http'))
    await fails(400, snap.createTransaction({}))
    await fails(401, new midtrans.Snap({ ...keys, serverKey: 'SB-Mid-server-wrong' }).createTransaction(details(newID())))
    await fails('404', snap.transaction.status(made.token))
  },

  async charge () {
    const customer = { item_details: [{ id: 'mug', name: 'Mug', price: 30000, quantity: 1 }], customer_details: { first_name: 'Sari' } }
    const blocks = {
      bank_transfer: ['bca', 'bni', 'bri', 'cimb', 'permata'].map((bank) => ({ bank })),
      echannel: [{ bill_info1: 'For', bill_info2: 'a mug' }],
      gopay: [{}],
      shopeepay: [{ callback_url: 'https://shop.example/' }],
      dana: [{ callback_url: 'https://shop.example/' }],
      qris: [{ acquirer: 'gopay' }],
      ovo: [{ payer_phone_number: '+6281234567890' }],
      cstore: [{ store: 'indomaret' }, { store: 'alfamart' }],
      akulaku: [{}],
      kredivo: [{}],
      bca_klikpay: [{ description: 'a mug' }],
      bca_klikbca: [{ description: 'a mug', user_id: 'testuser00' }],
      cimb_clicks: [{ description: 'a mug' }],
      danamon_online: [{}],
      bri_epay: [{}],
      uob_ezpay: [{}]
    }
    for (const [type, list] of Object.entries(blocks)) {
      for (const block of list) {
        const request = { payment_type: type, ...details(newID()), ...customer, [type]: block }
        const want = { status_code: '201', transaction_status: 'pending', payment_type: type, gross_amount: '30000.00' }
        await works(want, core.charge(request))
        await fails('406', core.charge(request))
      }
    }
    await fails(400, core.charge({}))
    await fails(400, core.charge({ payment_type: 'gopay', transaction_details: { order_id: newID(), gross_amount: 0 } }))
    await fails(401, stranger.charge({ payment_type: 'gopay', ...details(newID()) }))
  },

  async cards () {
    await works({ status_code: '200', transaction_status: 'capture', fraud_status: 'accept', masked_card: '48111111-1114' }, card(good))
    await works({ status_code: '202', transaction_status: 'deny', fraud_status: 'accept' }, card(denied))
    await works({ status_code: '201', transaction_status: 'capture', fraud_status: 'challenge' }, card(challenged))

    const secure = await works({ status_code: '201', transaction_status: 'pending' }, card(good, { authentication: true }))
    await use(secure.redirect_url, secure.transaction_id, { do: 'otp', otp: '112233' })
    await works({ transaction_status: 'capture' }, core.transaction.status(secure.transaction_id))
    const failed = await card(good, { authentication: true })
    const page = await fetch(failed.redirect_url)
    const answer = await fetch(page.url, { method: 'POST', body: new URLSearchParams({ transaction: failed.transaction_id, do: 'otp', otp: '000000' }) })
    assert.equal(answer.status, 410, 'nothing can be done on the page any more')
    await works({ transaction_status: 'deny', status_code: '202' }, core.transaction.status(failed.transaction_id))
  },

  async tokens () {
    const once = await works({ status_code: '200' }, token(good))
    await works({ status_code: '200', point_balance_amount: '10000.00' }, core.cardPointInquiry(once.token_id))
    await fails('411', core.cardPointInquiry('none'))
    const use = (id, token) => core.charge({ payment_type: 'credit_card', ...details(id), credit_card: { token_id: token } })
    await works({ transaction_status: 'capture' }, use(newID(), once.token_id))
    await fails('411', use(newID(), once.token_id))
    await fails('400', token('4811111111111115'))
    await fails(401, core.cardToken({ ...cardFields(good), client_key: 'SB-Mid-client-wrong' }))

    const saved = await works({ status_code: '200', masked_card: '48111111-1114' }, core.cardRegister(cardFields(good)))
    for (let i = 0; i < 2; i++) await works({ transaction_status: 'capture' }, use(newID(), saved.saved_token_id))
    await fails('400', core.cardRegister({ ...cardFields(good), card_exp_year: '2020' }))
  },

  async capture () {
    const reserved = await works({ transaction_status: 'authorize' }, card(good, { type: 'authorize' }))
    const capture = (amount) => core.capture({ transaction_id: reserved.transaction_id, gross_amount: amount })
    await fails(400, capture(30001))
    await works({ status_code: '200', transaction_status: 'capture', gross_amount: '20000.00' }, capture(20000))
    await fails('412', capture(20000))
    await fails('404', core.capture({ transaction_id: 'none' }))
    await fails(400, core.capture())
  },

  async review () {
    const first = await card(challenged)
    await works({ status_code: '200', fraud_status: 'accept' }, core.transaction.approve(first.order_id))
    await fails('412', core.transaction.approve(first.order_id))
    const second = await card(challenged)
    await works({ status_code: '200', transaction_status: 'deny', fraud_status: 'deny' }, core.transaction.deny(second.transaction_id))
    await fails('412', core.transaction.deny(second.transaction_id))
  },

  async ends () {
    const first = await gopay()
    await works({ status_code: '200', transaction_status: 'cancel' }, core.transaction.cancel(first.order_id))
    await fails('412', core.transaction.cancel(first.order_id))
    const second = await works({ status_code: '201' }, gopay(first.order_id))
    await works({ status_code: '407', transaction_status: 'expire' }, core.transaction.expire(second.transaction_id))
    await works({ status_code: '407', transaction_status: 'expire' }, core.transaction.status(first.order_id))
    await fails('412', core.transaction.expire(second.transaction_id))
    const all = await works({ status_code: '200' }, core.transaction.statusb2b(first.order_id))
    assert.deepEqual(all.transactions.map((t) => t.transaction_status), ['expire', 'cancel'])
  },

  async refunds () {
    const made = await paid()
    await works({ status_code: '200', transaction_status: 'partial_refund', refund_amount: '10000.00', refund_key: 'n-1' },
      core.transaction.refund(made.order_id, { refund_key: 'n-1', amount: 10000, reason: 'chipped' }))
    await fails('406', core.transaction.refund(made.order_id, { refund_key: 'n-1', amount: 10000 }))
    await fails('414', core.transaction.refund(made.order_id, { refund_key: 'n-2', amount: 20001 }))
    await works({ status_code: '200', transaction_status: 'refund', refund_amount: '30000.00' },
      core.transaction.refundDirect(made.transaction_id, { refund_key: 'n-3', amount: 20000 }))
    await fails('412', core.transaction.refundDirect(made.order_id, { refund_key: 'n-4', amount: 1 }))
    await fails('412', core.transaction.refund((await gopay()).order_id, {}))
  },

  async notification () {
    const made = await paid()
    const want = { order_id: made.order_id, transaction_status: 'settlement' }
    await works(want, core.transaction.notification({ transaction_id: made.transaction_id }))
    await works(want, core.transaction.notification(JSON.stringify({ transaction_id: made.transaction_id })))
    await fails('404', core.transaction.notification({ transaction_id: 'none' }))
  },

  async accounts () {
    const partner = (phone) => ({ payment_type: 'gopay', gopay_partner: { phone_number: phone, country_code: '62', redirect_url: 'https://shop.example/' } })
    const made = await works({ status_code: '201', account_status: 'PENDING' }, core.linkPaymentAccount(partner('81212345678')))
    await works({ status_code: '201' }, core.getPaymentAccount(made.account_id))
    await fails('412', core.unlinkPaymentAccount(made.account_id))
    await use(made.actions.find((a) => a.name === 'activation-link-url').url, '', { do: 'agree' })
    const got = await works({ status_code: '200', account_status: 'ENABLED' }, core.getPaymentAccount(made.account_id))
    const option = got.metadata.payment_options[0]
    const gopay = { account_id: made.account_id, payment_option_token: option.token }
    await works({ status_code: '200', transaction_status: 'settlement' }, core.charge({ payment_type: 'gopay', ...details(newID()), gopay }))
    await works({ status: 'active', gopay: { account_id: made.account_id } },
      core.createSubscription({ ...monthly(option.token), payment_type: 'gopay', gopay: { account_id: made.account_id } }))
    await works({ status_code: '204', account_status: 'DISABLED' }, core.unlinkPaymentAccount(made.account_id))

    await works({ status_code: '202', channel_response_message: 'User Not Found' }, core.linkPaymentAccount(partner('123450001')))
    await fails(400, core.linkPaymentAccount({}))
    for (const call of ['getPaymentAccount', 'unlinkPaymentAccount']) {
      await fails('404', core[call]('none'))
      await fails(401, stranger[call]('none'))
    }
    await fails(401, stranger.linkPaymentAccount(partner('81212345678')))
  },

  async subscriptions () {
    const saved = await core.cardRegister(cardFields(good))
    const made = await works({ status: 'active', amount: '14000', transaction_ids: [] }, core.createSubscription(monthly(saved.saved_token_id)))
    const updated = { status_message: 'Subscription is updated.' }
    await works(made, core.getSubscription(made.id))
    await works(updated, core.disableSubscription(made.id))
    await works({ status: 'inactive' }, core.getSubscription(made.id))
    await works(updated, core.enableSubscription(made.id))
    await works(updated, core.updateSubscription(made.id, { ...monthly('dummy'), amount: '21000' }))
    await works({ status: 'active', amount: '21000', token: 'dummy' }, core.getSubscription(made.id))

    await fails(400, core.createSubscription({}))
    await fails(400, core.createSubscription({ ...monthly('dummy'), schedule: { interval: 1, interval_unit: 'month', start_time: '2020-07-22 07:25:01 +0700' } }))
    await fails(400, core.updateSubscription(made.id, {}))
    for (const [want, client, id] of [[404, core, 'none'], [401, stranger, made.id]]) {
      for (const call of ['getSubscription', 'disableSubscription', 'enableSubscription']) await fails(want, client[call](id))
      await fails(want, client.updateSubscription(id, monthly('dummy')))
    }
    await fails(401, stranger.createSubscription(monthly('dummy')))
  },

  async unknown () {
    for (const call of ['status', 'statusb2b', 'approve', 'deny', 'cancel', 'expire', 'refund', 'refundDirect']) {
      await fails('404', core.transaction[call]('none'))
      await fails(401, stranger.transaction[call]('none'))
    }
  },

  async repeated () {
    const again = new midtrans.CoreApi(keys)
    again.httpClient.http_client.defaults.headers.common['Idempotency-Key'] = 'node-key'
    const request = { payment_type: 'gopay', ...details(newID()) }
    const first = await again.charge(request)
    await works({ transaction_id: first.transaction_id }, again.charge(request))
  }
}

async function main () {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check()
    } catch (e) {
      console.error(`${name}: ${e.stack}`)
      process.exit(1)
    }
  }
  console.log(`ok ${calls}`)
}

main()
