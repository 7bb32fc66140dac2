import {
  createQueryEncoder,
  type FoundImage,
  loadSmallGallery,
  type Progress,
  type QueryEncoder,
  type QueryImage,
  type SmallGallery,
} from '@lookalike/browser'
import { keepOffline } from './keep-offline.js'

/** What `lookalike export model MODEL --for browser --with-gallery` wrote, beside the page. */
const MODEL = new URL('./model/', document.baseURI)

const byId = <T extends HTMLElement>(id: string) => document.querySelector<T>(`#${id}`)!
const view = byId('view')
const video = byId<HTMLVideoElement>('video')
const picture = byId<HTMLImageElement>('picture')
const hint = byId('hint')
const camera = byId<HTMLButtonElement>('camera')
const file = byId<HTMLInputElement>('file')
const status = byId('status')
const progress = byId<HTMLProgressElement>('progress')
const results = byId<HTMLOListElement>('results')

const tell = (text: string) => {
  status.textContent = text
}
const reason = (error: unknown) => (error instanceof Error ? error.message : String(error))

async function start(): Promise<void> {
  tell('Loading the model ...')
  const offline = keepOffline()
  await offline.ready
  const onProgress = ({ phase, loaded, total }: Progress) => {
    progress.hidden = false
    if (phase === 'model' && total !== undefined) progress.value = loaded / total
    else progress.removeAttribute('value')
  }
  const [encoder, gallery] = await Promise.all([
    createQueryEncoder({ model: MODEL, onProgress }),
    loadSmallGallery(MODEL),
  ])
  progress.hidden = true
  tell(`Ready: ${gallery.size.toLocaleString('en')} pictures`)
  answerTo(encoder, gallery)
  await offline.keep(gallery.images.flatMap(({ thumbnail }) => thumbnail ?? []))
}

function answerTo(encoder: QueryEncoder, gallery: SmallGallery): void {
  const look = async (image: QueryImage) => {
    const begin = performance.now()
    const query = await encoder.embed(image)
    const embedded = performance.now()
    const found = gallery.search(query)
    const done = performance.now()
    show(found)
    tell(
      `Seen in ${Math.round(embedded - begin)} ms, found among ${gallery.size.toLocaleString('en')} in ${(done - embedded).toFixed(1)} ms`,
    )
  }
  const take = async (given: Blob | undefined) => {
    if (!given) return
    stopCamera()
    if (picture.src) URL.revokeObjectURL(picture.src)
    picture.src = URL.createObjectURL(given)
    showing('picture')
    await look(given).catch((error: unknown) => tell(reason(error)))
  }

  camera.disabled = file.disabled = false
  camera.onclick = () => (video.srcObject ? stopCamera() : startCamera(look))
  file.onchange = () => void take(file.files?.[0])
  addEventListener('paste', ({ clipboardData }) => void take(clipboardData?.files[0]))
  addEventListener('dragover', (event) => {
    event.preventDefault()
    view.classList.add('over')
  })
  addEventListener('dragleave', () => view.classList.remove('over'))
  addEventListener('drop', (event) => {
    event.preventDefault()
    view.classList.remove('over')
    void take(event.dataTransfer?.files[0])
  })
}

/** What stands in the view. */
function showing(what: 'video' | 'picture' | 'hint'): void {
  video.hidden = what !== 'video'
  picture.hidden = what !== 'picture'
  hint.hidden = what !== 'hint'
  view.classList.toggle('full', what !== 'hint')
  camera.setAttribute('aria-pressed', String(what === 'video'))
}

async function startCamera(look: (image: QueryImage) => Promise<void>): Promise<void> {
  try {
    // The one that looks away from the user, where there are two.
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
    video.srcObject = stream
    await video.play()
  } catch (error) {
    return tell(`There is no camera: ${reason(error)}`)
  }
  showing('video')
  // One frame after the other, as fast as they are answered.
  const next = async (): Promise<void> => {
    if (!video.srcObject) return
    await look(video).catch((error: unknown) => tell(reason(error)))
    video.requestVideoFrameCallback(() => void next())
  }
  await next()
}

function stopCamera(): void {
  for (const track of (video.srcObject as MediaStream | null)?.getTracks() ?? []) track.stop()
  video.srcObject = null
  showing('hint')
}

function show(found: readonly FoundImage[]): void {
  results.replaceChildren(
    ...found.map(({ id, thumbnail, distance }) => {
      const name = id.slice(id.lastIndexOf('/') + 1).replace(/\.\w+$/, '')
      const image = document.createElement(thumbnail === undefined ? 'div' : 'img')
      if (image instanceof HTMLImageElement) Object.assign(image, { src: thumbnail, alt: name })
      else image.className = 'none'
      const [title, far] = [document.createElement('span'), document.createElement('span')]
      title.textContent = title.title = name
      far.textContent = distance.toFixed(2)
      const caption = document.createElement('figcaption')
      caption.append(title, far)
      const figure = document.createElement('figure')
      figure.append(image, caption)
      const item = document.createElement('li')
      item.dataset['id'] = id
      item.append(figure)
      return item
    }),
  )
}

showing('hint')
start().catch((error: unknown) => {
  progress.hidden = true
  tell(reason(error))
})
