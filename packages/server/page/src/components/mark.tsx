/** Two that overlap. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="12" cy="16" r="10" class="mark-a" />
      <circle cx="20" cy="16" r="10" class="mark-b" />
    </svg>
  )
}
