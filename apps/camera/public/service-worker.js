/* Answers from what an earlier visit left. Pages and lists are asked for first, so that a new version is seen. */

const CACHE = 'lookalike-camera-v1'
/** What may change under the same address. */
const CHANGING = /\/$|\.html$|\.json$|\.webmanifest$/

addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))

addEventListener('message', ({ data }) => {
  void caches.open(CACHE).then(async (cache) => {
    for (const address of data) if (!(await cache.match(address))) await cache.add(address).catch(() => undefined)
  })
})

addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  // The model keeps itself, with its checksum.
  const own = url.origin === location.origin && request.method === 'GET' && !url.pathname.endsWith('.onnx')
  if (own) event.respondWith(answer(request, url))
})

async function answer(request, url) {
  const cache = await caches.open(CACHE)
  const kept = () => cache.match(request, { ignoreSearch: request.mode === 'navigate', ignoreVary: true })
  if (!CHANGING.test(url.pathname)) {
    const found = await kept()
    if (found) return isolated(found)
  }
  try {
    const response = await fetch(request)
    if (response.ok && response.status === 200) await cache.put(request, response.clone())
    return isolated(response)
  } catch (error) {
    const found = await kept()
    if (found) return isolated(found)
    throw error
  }
}

/** With the headers that threads need, which many static hosts do not send. */
function isolated(response) {
  if (response.type === 'opaque' || response.type === 'error') return response
  const headers = new Headers(response.headers)
  headers.set('Cross-Origin-Opener-Policy', 'same-origin')
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp')
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}
