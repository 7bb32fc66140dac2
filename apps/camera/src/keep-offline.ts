/** How long a first visit waits for the service worker before it goes on without. */
const PATIENCE = 3000

/** Starts the service worker, which answers when there is no connection. Without one the page works all the same. */
export function keepOffline() {
  const { serviceWorker } = navigator
  const started = serviceWorker
    ?.register(new URL('./service-worker.js', document.baseURI))
    .then(() => serviceWorker.ready)
    .catch(() => undefined)
  const controlled = new Promise<void>((resolve) => {
    if (!serviceWorker || serviceWorker.controller) return resolve()
    serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true })
    setTimeout(resolve, PATIENCE)
  })
  return {
    /** From now on what is fetched is kept. */
    ready: controlled,
    /** Keeps what came before the service worker did, and these. */
    async keep(addresses: readonly string[]): Promise<void> {
      const own = performance.getEntriesByType('resource').map(({ name }) => name)
      const here = [location.href, ...own, ...addresses].filter((name) => name.startsWith(location.origin))
      const worker = (await started)?.active
      worker?.postMessage([...new Set(here)])
    },
  }
}
