const PATHS = {
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12 4 4',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  cross: 'M6 6l12 12M18 6 6 18',
  check: 'M5 13l4 4L19 7',
  crop: 'M7 2v15h15M2 7h15v15',
  info: 'M12 11v6M12 7.5v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  upload: 'M12 16V5m-5 5 5-5 5 5M5 19h14',
  download: 'M12 5v11m-5-5 5 5 5-5M5 20h14',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.5 1.5m11 11L19 19M5 19l1.5-1.5m11-11L19 5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  auto: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
  undo: 'M9 7H4V2M4 7a9 9 0 1 1-1 8',
  trash: 'M5 7h14M9 7V4h6v3m-8 0 1 13h8l1-13',
  swap: 'M7 4v14m-4-4 4 4 4-4M17 20V6m-4 4 4-4 4 4',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9v.01',
  lasso:
    'M12 4c5 0 9 2.5 9 6s-4 6-9 6c-1.500 0-3-.2-4-.6M8 15.400C5 14.500 3 12.500 3 10c0-3.500 4-6 9-6M6 17a2 2 0 1 0 2-1.600c-.3 2 .5 4-2 5.600',
  move: 'M12 3v18M3 12h18M12 3 9.500 5.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500',
} as const

export type IconName = keyof typeof PATHS

/** Drawn beside a text or a label that says the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
