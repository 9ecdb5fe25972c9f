/** What is sent where objects are sent from thread to thread. */
export const smallObject = {
  id: 12_345,
  name: 'a name',
  tags: ['one', 'two'],
  value: 0.5,
} as const;
