import { describe, expect, test } from 'vitest'
import { groupFolders } from '../../adapters/sandbox/control-group-folders.ts'

/** A host that shows these files, and no other. */
const host = (files: Readonly<Record<string, string>>) => (path: string) => {
  const text = files[path]
  if (text === undefined) throw new Error(`${path} is not there`)
  return text
}

const UNIFIED = '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n'

describe('the folders in which groups may be tried', () => {
  test('are, under a service manager, beside the own group: its controllers are turned on there', () => {
    const read = host({
      '/proc/self/mountinfo': UNIFIED,
      '/proc/self/cgroup': '0::/user.slice/user@1000.service/app.slice/gateway.service\n',
      '/sys/fs/cgroup/user.slice/user@1000.service/app.slice/cgroup.subtree_control': 'cpu memory pids\n',
      '/sys/fs/cgroup/user.slice/user@1000.service/app.slice/gateway.service/cgroup.subtree_control': '\n',
    })
    const folder = '/sys/fs/cgroup/user.slice/user@1000.service/app.slice'
    expect(groupFolders(read)).toEqual([{ version: 2, memory: folder, pids: folder, cpu: folder }])
  })

  test('are below the own group where that is all there is to see, as in a container', () => {
    const read = host({
      '/proc/self/mountinfo': UNIFIED,
      '/proc/self/cgroup': '0::/\n',
      '/sys/fs/cgroup/cgroup.subtree_control': 'memory pids\n',
    })
    expect(groupFolders(read)).toEqual([{ version: 2, memory: '/sys/fs/cgroup', pids: '/sys/fs/cgroup' }])
  })

  test('are none where memory or processes cannot be bounded', () => {
    const read = host({
      '/proc/self/mountinfo': UNIFIED,
      '/proc/self/cgroup': '0::/a/b\n',
      '/sys/fs/cgroup/a/cgroup.subtree_control': 'cpu pids\n',
    })
    expect(groupFolders(read)).toEqual([])
  })

  test('are, in version 1, below the own group of each controller, seen through a container’s root', () => {
    const read = host({
      '/proc/self/mountinfo': [
        '31 30 0:27 /docker/f00 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
        '32 30 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
        '33 30 0:29 /docker/f00 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
        '34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      ].join('\n'),
      '/proc/self/cgroup': '4:memory:/docker/f00\n3:pids:/jobs/7\n2:cpu,cpuacct:/docker/f00/inner\n0::/docker/f00\n',
    })
    expect(groupFolders(read)).toEqual([
      {
        version: 1,
        memory: '/sys/fs/cgroup/memory',
        pids: '/sys/fs/cgroup/pids/jobs/7',
        cpu: '/sys/fs/cgroup/cpu,cpuacct/inner',
      },
    ])
  })

  test('are none on a host without any', () => {
    expect(groupFolders(host({}))).toEqual([])
  })
})
