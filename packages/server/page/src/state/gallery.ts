import { computed, signal } from '@preact/signals'
import { ApiError, api, type GalleryInfo } from '../api.js'

/** What is served; undefined until it is known. */
export const gallery = signal<GalleryInfo | undefined>(undefined)
export const galleryError = signal<ApiError | undefined>(undefined)
export const writable = computed(() => gallery.value?.writable ?? false)

export async function loadGallery(): Promise<void> {
  try {
    gallery.value = await api.gallery()
    galleryError.value = undefined
  } catch (error) {
    galleryError.value = asApiError(error)
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError({ code: 'page/unexpected', detail: error instanceof Error ? error.message : String(error) })
}

/** Said to everybody, and aloud by screen readers. */
export const notice = signal<{ readonly text: string; readonly bad: boolean } | undefined>(undefined)

export function tell(text: string, bad = false): void {
  notice.value = { text, bad }
}

/** Does something that changes the gallery, and says what came of it. */
export async function change(work: () => Promise<string>): Promise<boolean> {
  try {
    tell(await work())
    await loadGallery()
    return true
  } catch (error) {
    tell(asApiError(error).message, true)
    return false
  }
}
