// The build puts this into the worker, as text. `pack.mjs` makes what it reads, and says how.
//
// Words of 32 bits become tokens of one byte, each with its numbers in streams of bytes of their own, where gzip finds
// like beside like. A token is the place of a word among the commonest, or one of these kinds:
export const KIND = {
  zeros: 128, //   that many words of 0, and one more
  again: 145, //   a copy of that many earlier words, and one more, from as far back as the copy before
  near: 162, //    ... from as far back, in words, as the next byte says
  middle: 179, //  ... as the next two bytes say
  far: 196, //     ... as the next three say
  step: 213, //    an address, as the steps of 8 bytes from the last one that is told so: one byte, signed
  leap: 214, //    ... two bytes
  address: 215, // an address, divided by 4: three bytes
  short: 216, //   a number of two bytes
  text: 217, //    four bytes of text
  raw: 218, //     any other four bytes
};
export const LONG = 16; // This number of words in a token means that the rest of it is in the stream of lengths.
export const STREAMS = 18;

export function unpack(packed) {
  const head = new Uint32Array(packed.buffer, packed.byteOffset, 1 + STREAMS + KIND.zeros);
  const words = new Uint32Array(head[0]);
  const common = head.subarray(1 + STREAMS);
  const ends = [];
  let end = head.byteLength;
  const streams = [...head.subarray(1, 1 + STREAMS)].map((size) => packed.subarray(end, (end += size)));
  const [tokens, lengths, d0, d1, d2, d3, d4, d5, s0, s1, s2, a0, a1, a2, n0, n1, text, raw] = streams;
  const four = (bytes, at) => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  let length = 0, near = 0, middle = 0, far = 0, step = 0, leap = 0, address = 0, short = 0, texts = 0, raws = 0;
  let at = 0, distance = 0, last = 0;
  const many = (count) => {
    for (let shift = 0, byte = 128; count >= LONG && byte & 128; shift += 7) {
      byte = lengths[length++];
      count += (byte & 127) << shift;
    }
    return count + 1;
  };
  for (let place = 0; place < tokens.length; place++) {
    const token = tokens[place];
    if (token < KIND.zeros) words[at++] = common[token];
    else if (token < KIND.again) at += many(token - KIND.zeros);
    else if (token < KIND.step) {
      let until = at;
      if (token < KIND.near) until += many(token - KIND.again);
      else if (token < KIND.middle) {
        until += many(token - KIND.near);
        distance = d0[near++];
      } else if (token < KIND.far) {
        until += many(token - KIND.middle);
        distance = d1[middle] | (d2[middle++] << 8);
      } else {
        until += many(token - KIND.far);
        distance = d3[far] | (d4[far] << 8) | (d5[far++] << 16);
      }
      for (; at < until; at++) words[at] = words[at - distance];
    } else if (token === KIND.raw) words[at++] = four(raw, (raws += 4) - 4);
    else if (token === KIND.text) words[at++] = four(text, (texts += 4) - 4);
    else if (token === KIND.short) words[at++] = n0[short] | (n1[short++] << 8);
    else {
      if (token === KIND.step) last += ((s0[step++] << 24) >> 24) * 8;
      else if (token === KIND.leap) last += (((s1[leap] << 16) | (s2[leap++] << 24)) >> 16) * 8;
      else last = (a0[address] | (a1[address] << 8) | (a2[address++] << 16)) * 4;
      words[at++] = last;
    }
  }
  if (at !== words.length) throw new Error(`the memory came to ${at} words`);
  return words;
}
