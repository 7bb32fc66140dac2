interface ChoiceProps<T extends string> {
  readonly label: string
  /** How the label stands to it: `field` above, `row` before. */
  readonly class: 'field' | 'row'
  readonly value: T | undefined
  /** What is shown for each value. */
  readonly choices: Readonly<Record<T, string>>
  onChoose(value: T): void
}

/** One of a few values. */
export function Choice<T extends string>({ label, class: look, value, choices, onChoose }: ChoiceProps<T>) {
  return (
    <label class={look}>
      {label}
      <select class="input" value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value as T)}>
        {Object.entries<string>(choices).map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
