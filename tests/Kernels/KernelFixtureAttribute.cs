using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using GptEngine.Runtime.Memory;
using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;
using NUnit.Framework.Internal.Builders;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// A fixture for one architecture and storage type, with those inherited tests alone whose names start with one of the words given; with
/// all where none is.
/// </summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
internal sealed class KernelFixtureAttribute(int architecture, DataType storage, params string[] operations) : NUnitAttribute, IFixtureBuilder2
{
    public IEnumerable<TestSuite> BuildFrom(ITypeInfo typeInfo) => BuildFrom(typeInfo, new Operations(operations, null));

    public IEnumerable<TestSuite> BuildFrom(ITypeInfo typeInfo, IPreFilter filter) =>
        [new NUnitTestFixtureBuilder().BuildFrom(typeInfo, new Operations(operations, filter), new TestFixtureParameters(architecture, storage))];

    private sealed class Operations(string[] names, IPreFilter? inner) : IPreFilter
    {
        public bool IsMatch(Type type) => inner?.IsMatch(type) ?? true;

        public bool IsMatch(Type type, MethodInfo method) =>
            (names.Length == 0 || names.Any(name => method.Name.StartsWith(name, StringComparison.Ordinal))) && (inner?.IsMatch(type, method) ?? true);
    }
}
