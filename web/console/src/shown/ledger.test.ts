import { expect, it } from 'vitest'
import { REPORT_EVERY, dueReport, emptyLedger, failed, forgetGone, owe, sending, told } from './ledger'

const both = new Set(['1', '2'])

it('tells what is owed and on the screen, and nothing else', () => {
  const ledger = emptyLedger()
  owe(ledger, '1', 7)
  owe(ledger, '3', 8)
  expect(dueReport(ledger, both, true, 0)).toEqual([{ incident: '1', seq: 7 }])
  expect(dueReport(ledger, new Set(), true, 0)).toEqual([])
})

it('tells nothing while the document is hidden, and all of it afterwards', () => {
  const ledger = emptyLedger()
  owe(ledger, '1', 7)
  expect(dueReport(ledger, both, false, 0)).toEqual([])
  expect(dueReport(ledger, both, true, 0)).toHaveLength(1)
})

it('is told once, and of each repeat anew', () => {
  const ledger = emptyLedger()
  owe(ledger, '1', 7)
  const items = dueReport(ledger, both, true, 0)
  sending(ledger, 0)
  owe(ledger, '1', 9) // while it is under way
  told(ledger, items)
  expect(dueReport(ledger, both, true, REPORT_EVERY - 1)).toEqual([])
  const more = dueReport(ledger, both, true, REPORT_EVERY)
  expect(more).toEqual([{ incident: '1', seq: 9 }])
  told(ledger, more)
  expect(dueReport(ledger, both, true, 10_000)).toEqual([])
})

it('owes the newest press, in whichever order they come', () => {
  const ledger = emptyLedger()
  owe(ledger, '1', 9)
  owe(ledger, '1', 7)
  expect(dueReport(ledger, both, true, 0)).toEqual([{ incident: '1', seq: 9 }])
})

it('tries again after a failure, later each time, but soon enough for ten seconds', () => {
  const ledger = emptyLedger()
  owe(ledger, '1', 7)
  const tries: number[] = []
  for (let now = 0; now < 10_000; now += 250) {
    if (dueReport(ledger, both, true, now).length === 0) continue
    tries.push(now)
    failed(ledger, now)
  }
  expect(tries).toEqual([0, 500, 1500, 3500, 7500])
})

it('forgets what is gone', () => {
  const ledger = emptyLedger()
  owe(ledger, '1', 7)
  owe(ledger, '2', 8)
  forgetGone(ledger, (incident) => incident === '2')
  expect(dueReport(ledger, both, true, 0)).toEqual([{ incident: '2', seq: 8 }])
})
