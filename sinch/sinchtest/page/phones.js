// The phones. Everything in a message comes from strangers, so it only ever
// becomes textContent.

const phones = new Map() // number → {summary, fresh, tab, view, order}
let senders = []
let narrow = matchMedia('(max-width: 48rem)')

const $ = id => document.getElementById(id)
const deck = $('deck'), list = $('list'), nothing = $('nothing')

// --- words -----------------------------------------------------------------

const clock = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit'})
const day = new Intl.DateTimeFormat(undefined, {weekday: 'short', day: 'numeric', month: 'short'})

function time(at) {
  const date = new Date(at)
  const today = date.toDateString() === new Date().toDateString()
  return today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`
}

function pretty(number) {
  const us = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number)
  return us ? `+1 ${us[1]} ${us[2]} ${us[3]}` : number
}

// A number from the address bar, where a plus sign means a space.
function fromAddress(text) {
  const digits = text.replace(/\D/g, '')
  return digits ? '+' + digits : ''
}

const marks = {
  ACCEPTED: ['✓', 'accepted'],
  QUEUED_ON_CHANNEL: ['✓', 'handed to the network'],
  DELIVERED: ['✓✓', 'delivered'],
  FAILED: ['!', 'not delivered'],
  SENT: ['✓', 'sent'],
  ACKNOWLEDGED: ['✓✓', 'taken by the webhook'],
  LOST: ['!', 'not taken by the webhook'],
}

// --- the server ------------------------------------------------------------

async function ask(path, body) {
  const response = await fetch(path, body === undefined ? {} : {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
  })
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(answer.error || `The simulator answered ${response.status}.`)
  return answer
}

const path = number => `/phones/${encodeURIComponent(number)}/messages`

function explain(error) {
  if (error instanceof TypeError) return 'The simulator does not answer.'
  const words = error.message.replace(/^reading the JSON body: /, '')
  return words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.')
}

// --- the list of phones ----------------------------------------------------

function phone(number) {
  let p = phones.get(number)
  if (!p) {
    p = {number, summary: {number, messages: 0, texts: senders[0]}, fresh: 0, view: null}
    p.tab = tabFor(p)
    phones.set(number, p)
    list.append(p.tab.item)
  }
  return p
}

function tabFor(p) {
  const item = document.createElement('li'), button = document.createElement('button')
  const number = add(button, 'span', 'number'), at = add(button, 'time', '')
  const last = add(button, 'span', 'last'), fresh = add(button, 'span', 'fresh')
  number.textContent = pretty(p.number)
  button.type = 'button'
  button.onclick = () => {
    if (!p.view) open(p.number, {focus: true})
    else if (narrow.matches && !p.view.section.classList.contains('front')) front(p, true)
    else if (!narrow.matches) close(p)
  }
  item.append(button)
  return {item, button, at, last, fresh}
}

function add(parent, tag, className) {
  const element = document.createElement(tag)
  element.className = className
  parent.append(element)
  return element
}

function showTab(p) {
  const {at, last, fresh, button} = p.tab, m = p.summary.last
  at.textContent = m ? clock.format(new Date(m.accepted_at)) : ''
  last.textContent = m ? (m.direction === 'TO_APP' ? 'You: ' : '') + m.text : 'No messages yet'
  fresh.hidden = p.fresh === 0
  fresh.textContent = p.fresh
  fresh.setAttribute('aria-label', `${p.fresh} new`)
  const shown = p.view && (!narrow.matches || p.view.section.classList.contains('front'))
  button.setAttribute('aria-pressed', String(Boolean(shown)))
}

// --- one phone -------------------------------------------------------------

function open(number, {focus = false} = {}) {
  const p = phone(number)
  if (!p.view) {
    p.view = viewFor(p)
    deck.append(p.view.section)
    load(p)
  }
  front(p, focus)
}

function front(p, focus) {
  for (const other of phones.values()) {
    other.view?.section.classList.toggle('front', other === p)
  }
  p.fresh = 0
  for (const other of phones.values()) showTab(other)
  nothing.hidden = true
  if (focus) p.view.box.focus()
  p.view.section.scrollIntoView({block: 'nearest', inline: 'nearest'})
  p.tab.item.scrollIntoView({block: 'nearest', inline: 'nearest'})
  toBottom(p.view)
  address()
}

function close(p) {
  p.view.section.remove()
  p.view = null
  const another = [...phones.values()].findLast(other => other.view)
  if (another) front(another, false)
  nothing.hidden = Boolean(another)
  showTab(p)
  p.tab.button.focus()
  address()
}

function address() {
  const query = [...phones.values()].filter(p => p.view)
    .sort((a, b) => (b.view.section.classList.contains('front')) - (a.view.section.classList.contains('front')))
    .map(p => 'phone=' + encodeURIComponent(p.number)).join('&')
  history.replaceState(null, '', query ? '?' + query : location.pathname)
}

function viewFor(p) {
  const section = $('phone').content.firstElementChild.cloneNode(true)
  const view = {
    section, messages: new Map(), sender: null, follow: true,
    scroll: section.querySelector('.scroll'), log: section.querySelector('ol'), form: section.querySelector('form'),
    box: section.querySelector('textarea'), send: section.querySelector('.send'), error: section.querySelector('.error'),
    cost: section.querySelector('.cost'), texts: section.querySelector('select'),
  }
  const name = pretty(p.number)
  section.setAttribute('aria-label', `Phone ${name}`)
  section.querySelector('h2').textContent = name
  section.dataset.number = p.number
  view.log.setAttribute('aria-label', `Messages of ${name}`)
  view.scroll.setAttribute('aria-label', `Messages of ${name}`)
  view.scroll.setAttribute('role', 'group')
  view.box.setAttribute('aria-label', `Text from ${name}`)
  view.cost.id = 'cost-' + p.number.slice(1)
  view.box.setAttribute('aria-describedby', view.cost.id)
  view.texts.setAttribute('aria-label', `${name} texts which of our numbers`)
  for (const sender of senders) {
    const option = add(view.texts, 'option', '')
    option.value = sender
    option.textContent = pretty(sender)
  }
  view.texts.value = p.summary.texts || senders[0]
  const closer = section.querySelector('.close')
  closer.setAttribute('aria-label', `Close phone ${name}`)
  closer.onclick = () => close(p)

  // The newest message stays in sight when the field below it grows.
  view.scroll.onscroll = () => { view.follow = atBottom(view) }
  new ResizeObserver(() => { if (view.follow) toBottom(view) }).observe(view.scroll)

  view.box.oninput = () => { grow(view.box); count(view) }
  view.box.onkeydown = event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      view.form.requestSubmit()
    }
  }
  view.form.onsubmit = event => { event.preventDefault(); send(p, view) }
  view.send.disabled = true
  return view
}

// For browsers that do not size a field by its content.
function grow(box) {
  if (CSS.supports('field-sizing', 'content')) return
  box.style.height = 'auto'
  box.style.height = box.scrollHeight + 2 + 'px'
}

async function send(p, view) {
  const text = view.box.value
  if (!text.trim() || view.sending) return
  view.sending = true
  view.error.hidden = true
  view.box.value = '' // at once: the next text may be typed while this one is under way
  grow(view.box)
  try {
    show(p, await ask(path(p.number), {text, to: view.texts.value}))
    toBottom(view)
  } catch (error) {
    if (!view.box.value) view.box.value = text
    grow(view.box)
    view.error.textContent = `Not sent. ${explain(error)}`
    view.error.hidden = false
  } finally {
    view.sending = false
    count(view)
  }
}

// What the text costs, counted by the server.
function count(view) {
  const text = view.box.value
  view.send.disabled = !text.trim()
  clearTimeout(view.counting)
  if (!text) { view.cost.textContent = '\u00a0'; return }
  view.counting = setTimeout(async () => {
    try {
      const cost = await ask('/segments', {text})
      if (view.box.value !== text) return
      const segments = cost.count === 1 ? '1 segment' : `${cost.count} segments`
      view.cost.textContent = `${cost.encoding} · ${segments} · ${cost.left} left`
      view.cost.title = cost.encoding === 'UCS-2' ? 'A character outside GSM-7 makes the whole text cost more.' : ''
    } catch { view.cost.textContent = '\u00a0' }
  }, 80)
}

async function load(p) {
  const view = p.view
  try {
    const {messages} = await ask(path(p.number))
    if (p.view !== view) return
    for (const m of messages) show(p, m, {old: true})
    toBottom(view)
  } catch (error) {
    view.error.textContent = explain(error)
    view.error.hidden = false
  }
}

const atBottom = view => view.scroll.scrollHeight - view.scroll.scrollTop - view.scroll.clientHeight < 80
const toBottom = view => { view.scroll.scrollTop = view.scroll.scrollHeight }

// --- messages --------------------------------------------------------------

// show takes a new or changed message; old ones make no fuss.
function show(p, m, {old = false} = {}) {
  const newest = !p.summary.last || p.summary.last.accepted_at <= m.accepted_at
  const known = p.view ? p.view.messages.get(m.message_id) : undefined
  if (newest) {
    const first = p.summary.last?.message_id !== m.message_id
    p.summary.last = m
    const seen = p.view && (!narrow.matches || p.view.section.classList.contains('front'))
    if (first && !old && !seen && m.direction === 'TO_CONTACT') p.fresh++
    showTab(p)
  }
  const view = p.view
  if (!view) return
  if (known) {
    if (known.status_at <= m.status_at) dress(known, m)
    return
  }
  const follow = old || view.follow
  if (view.sender !== m.sender) {
    view.sender = m.sender
    add(view.log, 'li', 'about').textContent = `with ${pretty(m.sender)}`
    if ([...view.texts.options].some(option => option.value === m.sender)) view.texts.value = m.sender
  }
  const entry = bubble(m)
  if (!old) entry.item.classList.add('new')
  view.messages.set(m.message_id, entry)
  view.log.append(entry.item)
  dress(entry, m)
  if (follow) toBottom(view)
}

function bubble(m) {
  const mine = m.direction === 'TO_APP'
  const item = document.createElement('li')
  item.className = 'message ' + (mine ? 'mine' : 'theirs')
  item.dataset.id = m.message_id
  const ears = add(item, 'span', 'for-ears')
  ears.textContent = mine ? 'You:' : `${pretty(m.sender)}:`
  const body = add(item, 'div', 'bubble')
  if (m.kind !== 'text') add(body, 'span', 'what').textContent = m.kind
  body.append(m.text)
  const facts = add(item, 'div', 'facts')
  const at = add(facts, 'time', '')
  at.textContent = time(m.accepted_at)
  at.dateTime = m.accepted_at
  if (m.segments > 1) add(facts, 'span', '').textContent = `· ${m.segments} segments`
  const mark = add(facts, 'span', 'mark'), word = add(facts, 'span', 'for-ears'), why = add(facts, 'span', 'why')
  return {item, mark, word, why, status_at: ''}
}

function dress(entry, m) {
  entry.status_at = m.status_at
  const [sign, word] = marks[m.status] || ['', m.status]
  const failed = m.status === 'FAILED' || m.status === 'LOST'
  entry.item.classList.toggle('failed', failed)
  entry.mark.textContent = sign
  entry.mark.setAttribute('aria-hidden', 'true')
  entry.mark.title = word + (m.key ? ` · ${m.key}` : '')
  entry.mark.classList.toggle('done', m.status === 'DELIVERED' || m.status === 'ACKNOWLEDGED')
  entry.mark.classList.toggle('bang', failed)
  entry.word.textContent = word
  entry.why.textContent = m.status === 'FAILED' ? m.reason
    : m.status === 'LOST' ? 'refused by the webhook'
    : m.direction === 'TO_APP' && m.status === 'SENT' && m.attempts > 1 ? `tried ${m.attempts} times` : ''
}

// --- live ------------------------------------------------------------------

let stream

// start reads everything, then listens from exactly there on. It runs again
// when the server says that it cannot tell what we missed.
async function start() {
  stream?.close()
  let state
  try {
    state = await ask('/phones')
  } catch {
    link('lost', 'no simulator')
    setTimeout(start, 2000)
    return
  }
  senders = state.senders
  $('carrier').textContent = `Sinch in ${state.mode} mode · ${senders.length === 1 ? 'one number of ours' : senders.length + ' numbers of ours'}`
  // After a restart of the simulator its phones may be gone.
  const opened = [...deck.querySelectorAll('.phone')].map(section => section.dataset.number)
  const drafts = new Map([...phones.values()].filter(p => p.view).map(p => [p.number, p.view.box.value]))
  for (const p of phones.values()) { p.view?.section.remove(); p.tab.item.remove() }
  phones.clear()
  for (const summary of state.phones) {
    const p = phone(summary.number)
    p.summary = summary
    showTab(p)
  }
  const wanted = opened.length > 0 ? opened
    : new URLSearchParams(location.search).getAll('phone').map(fromAddress).filter(Boolean)
  const chosen = [...new Set(wanted)]
  for (const number of chosen) await wish(number, drafts.get(number))
  if (chosen.length > 1 && phones.get(chosen[0])?.view) front(phones.get(chosen[0]), true)
  if (![...phones.values()].some(p => p.view)) {
    const room = narrow.matches ? 1 : Math.max(1, Math.floor(deck.clientWidth / 350))
    const some = state.phones.slice(0, room)
    for (const summary of some) open(summary.number)
    if (some.length > 1) front(phone(some[0].number), true)
  }
  nothing.hidden = [...phones.values()].some(p => p.view)
  listen(state.cursor)
}

// wish opens a phone from the address bar, which need not exist yet.
async function wish(number, draft) {
  try {
    const summary = await ask('/phones', {number})
    phone(summary.number).summary = summary
    open(summary.number, {focus: true})
    const {view} = phone(summary.number)
    if (draft) { view.box.value = draft; grow(view.box); count(view) }
  } catch { /* no number: nothing to open */ }
}

function listen(cursor) {
  stream = new EventSource('/events?after=' + encodeURIComponent(cursor))
  stream.onopen = () => link('live', 'live')
  stream.onerror = () => {
    link('lost', 'reconnecting…')
    if (stream.readyState === EventSource.CLOSED) setTimeout(start, 2000)
  }
  stream.addEventListener('message', event => {
    const m = JSON.parse(event.data)
    show(phone(m.phone), m)
  })
  stream.addEventListener('phone', event => {
    const summary = JSON.parse(event.data), p = phone(summary.number)
    if (!p.summary.last) p.summary = {...p.summary, texts: summary.texts}
    showTab(p)
    if (![...phones.values()].some(other => other.view)) open(summary.number)
  })
  stream.addEventListener('reset', start)
}

function link(state, words) {
  const status = $('link')
  if (status.dataset.state === state && status.textContent === words) return
  status.dataset.state = state
  status.textContent = words
}

$('add').onsubmit = async event => {
  event.preventDefault()
  const field = $('number'), error = $('add-error')
  error.hidden = true
  try {
    const summary = await ask('/phones', {number: field.value})
    phone(summary.number)
    open(summary.number, {focus: true})
    field.value = ''
  } catch (problem) {
    error.textContent = explain(problem)
    error.hidden = false
    field.focus()
  }
}
$('first').onclick = () => wish('+15559876543')
narrow.onchange = () => { for (const p of phones.values()) showTab(p) }

start()
