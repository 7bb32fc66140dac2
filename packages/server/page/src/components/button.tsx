import { Icon, type IconName } from './icon.js'

interface IconButtonProps {
  readonly icon: IconName
  readonly label: string
  readonly pressed?: boolean
  readonly tone?: 'good' | 'bad'
  onPress(): void
}

export function IconButton({ icon, label, pressed, tone, onPress }: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${tone ?? ''}`}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={onPress}
    >
      <Icon name={icon} />
    </button>
  )
}
