/** Which command a key press means. Pure: the event comes as plain facts. */

export type Command =
  | { do: 'down' }
  | { do: 'up' }
  | { do: 'acknowledge' }
  | { do: 'dispatch' }
  | { do: 'resolve' }
  | { do: 'note' }
  | { do: 'take' }
  | { do: 'assign' }
  | { do: 'escalate' }
  | { do: 'release' }
  | { do: 'arrive' }
  | { do: 'reopen' }
  | { do: 'shelve' }
  | { do: 'open' }
  | { do: 'windows' }
  | { do: 'silence' }
  | { do: 'camera'; index: number }
  | { do: 'map' }
  | { do: 'help' }
  | { do: 'back' }

export interface KeyFacts {
  key: string
  /** Inside an input method's composition: the key belongs to the Chinese word being typed. */
  isComposing: boolean
  /** 229 is what browsers report for a key that the input method took, also where isComposing lags behind. */
  keyCode: number
  ctrlKey: boolean
  altKey: boolean
  metaKey: boolean
  /** Held down: a second step must be a second press. */
  repeat: boolean
  /** The focus is where text is typed or chosen. */
  inField: boolean
}

const LETTERS: Record<string, Command> = {
  j: { do: 'down' },
  k: { do: 'up' },
  a: { do: 'acknowledge' },
  d: { do: 'dispatch' },
  r: { do: 'resolve' },
  n: { do: 'note' },
  t: { do: 'take' },
  h: { do: 'assign' },
  e: { do: 'escalate' },
  l: { do: 'release' },
  v: { do: 'arrive' },
  o: { do: 'reopen' },
  z: { do: 'shelve' }, // or the way back, when it is shelved
  g: { do: 'open' },
  w: { do: 'windows' },
  s: { do: 'silence' },
  m: { do: 'map' },
  '?': { do: 'help' },
  '？': { do: 'help' }, // as a Chinese keyboard layout types it
  escape: { do: 'back' },
}

/** The command of a key press, or null when it belongs to somebody else. Escape alone also works inside a field. */
export function commandOf(facts: KeyFacts): Command | null {
  if (facts.isComposing || facts.keyCode === 229) return null
  if (facts.ctrlKey || facts.altKey || facts.metaKey) return null
  const key = facts.key.toLowerCase()
  if (facts.inField) return key === 'escape' ? { do: 'back' } : null
  if (/^[1-4]$/.test(key)) return facts.repeat ? null : { do: 'camera', index: Number(key) - 1 }
  const command = LETTERS[key]
  if (command === undefined) return null
  const mayRepeat = command.do === 'down' || command.do === 'up'
  return facts.repeat && !mayRepeat ? null : command
}

const TYPING = ['INPUT', 'TEXTAREA', 'SELECT']

/** Whether an element takes keys for itself. */
export function isField(element: Element | null): boolean {
  if (element === null) return false
  return TYPING.includes(element.tagName) || (element as HTMLElement).isContentEditable === true
}
