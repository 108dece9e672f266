import { describe, expect, it } from 'vitest'
import { readableType } from '../../../activities/chat/media-type.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const PNG = latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
const PDF = latin1('%PDF-1.7\n%\xe2\xe3\xcf\xd3')
const ZIP = latin1('PK\x03\x04\x14\0')

describe('the type of a file', () => {
  it.each([
    ['image/png', PNG],
    ['image/jpeg', latin1('\xff\xd8\xff\xe0\0\x10JFIF')],
    ['image/webp', latin1('RIFF\x24\0\0\0WEBPVP8 ')],
    ['application/pdf', PDF],
    ['text/plain', Buffer.from('Grüße, 世界 🚀\n')],
  ])('is %s by its bytes, named so or not at all', (mediaType, bytes) => {
    for (const claimed of [
      mediaType,
      `${mediaType.toUpperCase()}; charset=utf-8`,
      undefined,
      'application/octet-stream',
    ])
      expect(readableType(bytes, claimed)).toBe(mediaType)
  })

  it.each(['text/csv', 'text/x-python', 'application/json', 'application/x-yaml', 'application/ld+json', 'video/mp2t'])(
    'is text for a text named %s',
    (claimed) => expect(readableType(Buffer.from('{}'), claimed)).toBe('text/plain'),
  )

  it.each([
    ['a program named a picture', latin1('\x7fELF\x02\x01\x01\0'), 'image/png'],
    ['a PDF named a picture', PDF, 'image/jpeg'],
    ['a picture named text', PNG, 'text/plain'],
    ['text named an archive', Buffer.from('PKZIP is old'), 'application/zip'],
    ['a page named a picture', Buffer.from('<svg onload="x()"/>'), 'image/svg+xml'],
    ['an archive', ZIP, undefined],
    ['an archive named so', ZIP, 'application/zip'],
    ['text with NUL', Buffer.from('a\0b'), 'text/plain'],
    ['text of another encoding', latin1('Gr\xfc\xdfe'), 'text/plain'],
    ['nothing', Buffer.alloc(0), 'text/plain'],
  ])('is none the model is shown for %s', (_, bytes, claimed) => {
    expect(readableType(bytes, claimed)).toBeUndefined()
  })
})
