import { expect, it } from 'vitest'
import { commandOf, type KeyFacts } from './keys'

const press = (given: Partial<KeyFacts>): KeyFacts => ({
  key: '',
  keyCode: 0,
  isComposing: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  inField: false,
  ...given,
})

it.each([
  ['j', 'down'],
  ['K', 'up'],
  ['a', 'acknowledge'],
  ['A', 'acknowledge'],
  ['d', 'dispatch'],
  ['r', 'resolve'],
  ['n', 'note'],
  ['t', 'take'],
  ['h', 'assign'],
  ['e', 'escalate'],
  ['l', 'release'],
  ['v', 'arrive'],
  ['o', 'reopen'],
  ['z', 'shelve'],
  ['g', 'open'],
  ['w', 'windows'],
  ['s', 'silence'],
  ['m', 'map'],
  ['?', 'help'],
  ['？', 'help'],
  ['Escape', 'back'],
])('%s means %s', (key, what) => {
  expect(commandOf(press({ key }))?.do).toBe(what)
})

it('1 to 4 are the cameras, 5 and 0 are nothing', () => {
  expect(commandOf(press({ key: '1' }))).toEqual({ do: 'camera', index: 0 })
  expect(commandOf(press({ key: '4' }))).toEqual({ do: 'camera', index: 3 })
  for (const key of ['0', '5', '12', 'x', 'Enter', ' ']) expect(commandOf(press({ key }))).toBe(null)
})

it.each([
  ['in a composition', { isComposing: true }],
  ['taken by the input method', { keyCode: 229 }],
  ['with Ctrl', { ctrlKey: true }],
  ['with Alt', { altKey: true }],
  ['with the command key', { metaKey: true }],
  ['in a field', { inField: true }],
  ['held down', { repeat: true }],
])('A %s is nothing', (_name, given) => {
  expect(commandOf(press({ key: 'a', ...given }))).toBe(null)
})

it('Escape leaves a field, but not a composition; J may be held down', () => {
  expect(commandOf(press({ key: 'Escape', inField: true }))?.do).toBe('back')
  expect(commandOf(press({ key: 'Escape', inField: true, isComposing: true }))).toBe(null)
  expect(commandOf(press({ key: 'j', repeat: true }))?.do).toBe('down')
})
