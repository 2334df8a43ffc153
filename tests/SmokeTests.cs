using NUnit.Framework;

namespace GptEngine.Tests;

public sealed class SmokeTests
{
    [Test]
    public void Repository_HasFixedFolders() => Assert.That(typeof(SmokeTests).Assembly.GetName().Name, Is.EqualTo("GptEngine.Tests"));
}
