# The install build. Sources come from native/SOURCES, which CMakeLists.txt reads too.
{
  'variables': {
    'nearmetal_seam%': 0,
    'nearmetal_werror%': '<!(printenv nearmetal_werror || echo 0)',
  },
  'target_defaults': {
    'include_dirs': ['native'],
    'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS', '_GNU_SOURCE'],
    'cflags_cc!': ['-std=gnu++17', '-fexceptions', '-frtti'],
    'cflags_cc': [
      '-std=gnu++20', '-fno-exceptions', '-fno-rtti',
      '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-ffunction-sections', '-fdata-sections',
      '-isystem', '<!(node -p "path.dirname(require.resolve(\'node-addon-api\'))")',
      '-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wold-style-cast', '-Wnon-virtual-dtor',
    ],
    'ldflags': ['-Wl,--gc-sections', '-Wl,-z,now'],
    'conditions': [
      ['nearmetal_werror==1', { 'cflags_cc': ['-Werror'] }],
    ],
  },
  'targets': [
    {
      'target_name': 'nearmetal',
      'sources': ['<!@(grep -v "^#" native/SOURCES)'],
    },
  ],
  'conditions': [
    ['nearmetal_seam==1', {
      'targets': [
        {
          # Kept out of build/Release, where node-gyp-build takes the first .node file that it sees.
          'target_name': 'nearmetal_seam',
          'product_dir': '<(PRODUCT_DIR)/../seam',
          'defines': ['NEARMETAL_SEAM=1'],
          'sources': ['<!@(grep -v "^#" native/SOURCES native/SOURCES.seam -h)'],
        },
      ],
    }],
  ],
}
