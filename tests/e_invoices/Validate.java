import com.helger.phive.api.execute.ValidationExecutionManager;
import com.helger.phive.api.executorset.ValidationExecutorSetRegistry;
import com.helger.phive.api.result.ValidationResultList;
import com.helger.phive.api.validity.IValidityDeterminator;
import com.helger.phive.peppol.PeppolValidation;
import com.helger.phive.peppol.PeppolValidation2026_05;
import com.helger.phive.xml.source.IValidationSourceXML;
import com.helger.phive.xml.source.ValidationSourceXML;
import com.helger.io.resource.FileSystemResource;
import java.util.Locale;

/** Checks UBL files against the XSD of UBL 2.1 and the rules of EN 16931 and Peppol BIS Billing 3: one line a finding. */
public final class Validate {
  public static void main(final String[] files) {
    final var registry = new ValidationExecutorSetRegistry<IValidationSourceXML>();
    PeppolValidation.initStandard(registry);
    for (final String file : files) {
      final boolean credit = file.contains("GS-");
      final var set = registry.getOfID(credit ? PeppolValidation2026_05.VID_OPENPEPPOL_CREDIT_NOTE_UBL_V3 : PeppolValidation2026_05.VID_OPENPEPPOL_INVOICE_UBL_V3);
      final ValidationResultList results = ValidationExecutionManager.executeValidation(
          IValidityDeterminator.createDefault(), set, ValidationSourceXML.create(new FileSystemResource(file)));
      for (final var result : results)
        for (final var error : result.getErrorList())
          System.out.println(file + "\t" + error.getErrorLevel().getID() + "\t" + error.getErrorID() + "\t" + error.getErrorText(Locale.US));
      System.out.println(file + "\tchecked\t" + results.size());
    }
  }
}
