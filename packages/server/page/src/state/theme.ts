import { effect, signal } from '@preact/signals'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const NAME = 'lookalike.theme'
export const theme = signal<Theme>(THEMES.find((each) => each === localStorage.getItem(NAME)) ?? 'auto')

export function followTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value
    localStorage.setItem(NAME, theme.value)
  })
}
